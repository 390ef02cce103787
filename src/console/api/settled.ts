/** A value once it stands still, for what is read again behind each change. */
import { useEffect, useState } from 'preact/hooks';

/** The first value at once, each later one after it has not changed for so many milliseconds. */
export function useSettled<T>(value: T | undefined, ms: number): T | undefined {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    if (settled === undefined) {
      setSettled(value);
      return;
    }
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
