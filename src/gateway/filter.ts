/** A filter or a segment in an address is JSON; the engine checks what it says. */
import { BadRequestError } from '../errors.ts';

const EXAMPLES = { filter: '{"tags":"sea"}', segment: '{"country":"de"}' } as const;
type Name = keyof typeof EXAMPLES;

export function withFilter<T extends Partial<Record<Name, string>>>(
  query: T,
): Omit<T, Name> & Partial<Record<Name, unknown>> {
  const { filter, segment, ...rest } = query;
  return {
    ...rest,
    ...(filter === undefined ? {} : { filter: read('filter', filter) }),
    ...(segment === undefined ? {} : { segment: read('segment', segment) }),
  };
}

function read(member: Name, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new BadRequestError(`${member} takes JSON such as ${EXAMPLES[member]}, percent-encoded.`, {
      next: 'see docs/how-to/shape-lists.md',
      details: { member },
    });
  }
}
