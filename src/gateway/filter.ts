/** A filter in an address is JSON; the engine checks what it says. */
import { BadRequestError } from '../errors.ts';

export function withFilter<T extends { filter?: string }>(query: T): Omit<T, 'filter'> & { filter?: unknown } {
  const { filter, ...rest } = query;
  if (filter === undefined) return rest;
  try {
    return { ...rest, filter: JSON.parse(filter) as unknown };
  } catch {
    throw new BadRequestError('filter takes JSON such as {"tags":"sea"}, percent-encoded.', {
      next: 'see docs/how-to/shape-lists.md',
      details: { member: 'filter' },
    });
  }
}
