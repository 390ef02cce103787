/** How often somebody may ask: a token bucket each (Turner 1986), in this gateway alone. */
import { LRUCache } from 'lru-cache';

export interface RateOptions {
  /** Requests a second, for whom nothing else is set; 0 for without limit. */
  perS: number;
  /** Seconds' worth of requests that may come at once. */
  burstS: number;
  /** Callers that are remembered; who asked longest ago is forgotten, which is as if they had waited. */
  capacity?: number;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

export interface Rate {
  /** 0 where a request may pass, else the seconds after which one may. `perS` is the caller's own limit. */
  take(caller: string, perS?: number | null): number;
}

export function createRate({ perS, burstS, capacity = 100_000, now = () => performance.now() }: RateOptions): Rate {
  const buckets = new LRUCache<string, { left: number; at: number }>({ max: capacity });
  return {
    take: (caller, own) => {
      const rate = own ?? perS;
      if (rate <= 0) return 0;
      const size = Math.max(1, rate * burstS);
      const at = now();
      const bucket = buckets.get(caller) ?? { left: size, at };
      bucket.left = Math.min(size, bucket.left + ((at - bucket.at) / 1_000) * rate);
      bucket.at = at;
      buckets.set(caller, bucket);
      if (bucket.left < 1) return (1 - bucket.left) / rate;
      bucket.left -= 1;
      return 0;
    },
  };
}
