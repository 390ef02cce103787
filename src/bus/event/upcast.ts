/**
 * Old versions of events, brought to the newest shape when they are read; the log itself is never rewritten.
 * One entry a retired version: `'user.viewed.v1': { to: 'user.viewed.v2', data: (old) => ... }`. None is retired yet.
 */
export interface Upcaster {
  to: string;
  data(old: unknown): unknown;
}

export const UPCASTERS: ReadonlyMap<string, Upcaster> = new Map();

/** Follows upcasters until there is none; every version on the way has been shipped once. */
export function upcast(type: string, data: unknown, upcasters = UPCASTERS): { type: string; data: unknown } {
  let current = { type, data };
  for (let step = upcasters.get(type); step; step = upcasters.get(current.type)) {
    current = { type: step.to, data: step.data(current.data) };
  }
  return current;
}
