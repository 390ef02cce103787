/**
 * Upcasters bring old versions of events to the newest shape when a service reads them. They never rewrite the log.
 * Each retired version has one entry: `'user.viewed.v1': { to: 'user.viewed.v2', data: (old) => ... }`. No version is
 * retired yet.
 */
export interface Upcaster {
  to: string;
  data(old: unknown): unknown;
}

export const UPCASTERS: ReadonlyMap<string, Upcaster> = new Map();

/** Applies upcasters until the version is the newest. */
export function upcast(type: string, data: unknown, upcasters = UPCASTERS): { type: string; data: unknown } {
  let current = { type, data };
  for (let step = upcasters.get(type); step; step = upcasters.get(current.type)) {
    current = { type: step.to, data: step.data(current.data) };
  }
  return current;
}
