/** Callers that wait until a state has reached a position of the log. */
import { SequenceNotReachedError } from '../../errors.ts';
import type { StreamSeq } from '../event/ids.ts';

export interface WaitersOptions {
  service: string;
  /** Position of the state. */
  position: () => StreamSeq;
}

export interface Waiters {
  /** Resolves with the position once it is at or past `seq`; throws `SequenceNotReachedError` after `timeoutMs`. */
  reached(seq: StreamSeq, timeoutMs: number): Promise<StreamSeq>;
  /** Whether a caller waits for a position up to this one. */
  awaits(seq: number): boolean;
  /** The position has moved. */
  wake(): void;
  /** Refuses all waiting callers, because the service stops. */
  end(): void;
}

interface Waiter {
  seq: number;
  resolve(): void;
  giveUp(stopped: boolean): void;
}

export function createWaiters({ service, position }: WaitersOptions): Waiters {
  let waiters: Waiter[] = [];
  return {
    awaits: (seq) => waiters.some((waiter) => waiter.seq <= seq),
    wake: () => {
      if (waiters.length === 0) return;
      const seq = position();
      const due = waiters.filter((waiter) => waiter.seq <= seq);
      if (due.length === 0) return;
      waiters = waiters.filter((waiter) => waiter.seq > seq);
      for (const waiter of due) waiter.resolve();
    },
    end: () => {
      for (const waiter of [...waiters]) waiter.giveUp(true);
    },
    reached: (seq, timeoutMs) =>
      new Promise((resolve, reject) => {
        if (position() >= seq) return resolve(position());
        const asked = performance.now();
        const waiter: Waiter = {
          seq,
          resolve: () => {
            clearTimeout(timer);
            resolve(position());
          },
          giveUp: (stopped) => {
            clearTimeout(timer);
            waiters = waiters.filter((other) => other !== waiter);
            const at = position();
            const after = stopped ? ` The service stopped after ${Math.round(performance.now() - asked)} ms.` : '';
            reject(
              new SequenceNotReachedError(
                `${service} is at sequence ${at} and did not reach ${seq} within ${timeoutMs} ms.${after}`,
                {
                  next: 'send the request again, with a larger timeout_ms, or run freshet status',
                  details: { asked: seq, reached: at },
                },
              ),
            );
          },
        };
        const timer = setTimeout(() => waiter.giveUp(false), timeoutMs);
        waiters.push(waiter);
      }),
  };
}
