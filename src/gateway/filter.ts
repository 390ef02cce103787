/** Parses the JSON of a filter or segment in a query. The engine checks its content. */
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
    throw new BadRequestError(`${member} is not JSON. Send JSON such as ${EXAMPLES[member]}, percent-encoded.`, {
      next: 'see docs/how-to/shape-lists.md',
      details: { member },
    });
  }
}
