/** Limits the request rate of each caller with a token bucket (Turner 1986). Each gateway counts for itself. */
import { LRUCache } from 'lru-cache';

export interface RateOptions {
  /** Requests per second of a caller without a limit of its own; 0: no limit. */
  perS: number;
  /** Size of the bucket, in seconds of the rate: so many requests may come at once. */
  burstS: number;
  /** Callers that the gateway remembers. A caller that drops out gets a full bucket, as if it had waited. */
  capacity?: number;
  /** Milliseconds, monotonic. */
  now?: () => number;
}

export interface Rate {
  /** 0 if the request may pass, else the seconds until one may. `perS` is the caller's own limit. */
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
