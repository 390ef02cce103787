/** A map that keeps the keys that were set last. */

/** Sets a key; drops the key that was set longest ago where there are more than `most`. */
export function setNewest<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  // The order of insertion is the order of setting.
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
