/** Callers that wait until a state has reached a position of the log. */
import { SequenceNotReachedError, ServiceUnavailableError } from '../../errors.ts';
import type { StreamSeq } from '../event/ids.ts';

export interface WaitersOptions {
  service: string;
  /** Position of the state. */
  position: () => StreamSeq;
  /** Most bytes of requests that wait at once. */
  maxBytes: number;
}

export interface Waiters {
  /**
   * Resolves with the position once it is at or past `seq`. Throws `SequenceNotReachedError` after `timeoutMs`, and
   * `ServiceUnavailableError` at once if the waiting requests have too many bytes already.
   *
   * @param bytes of the request that waits; 0 for a wait of the service's own, which it never refuses
   */
  reached(seq: StreamSeq, timeoutMs: number, bytes?: number): Promise<StreamSeq>;
  /** Whether a caller waits for a position up to this one. */
  awaits(seq: number): boolean;
  /** Whether a caller waits. */
  any(): boolean;
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

export function createWaiters({ service, position, maxBytes }: WaitersOptions): Waiters {
  let waiters: Waiter[] = [];
  let waitingBytes = 0;
  return {
    awaits: (seq) => waiters.some((waiter) => waiter.seq <= seq),
    any: () => waiters.length > 0,
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
    reached: (seq, timeoutMs, bytes = 0) =>
      new Promise((resolve, reject) => {
        if (position() >= seq) return resolve(position());
        if (bytes > 0 && waitingBytes + bytes > maxBytes)
          return reject(
            new ServiceUnavailableError(
              `${service} is at sequence ${position()}, and requests of ${waitingBytes} bytes wait for a later one, of ${maxBytes} that may (http.min_seq_waiting_bytes).`,
              {
                next: 'send the request again later, or without min_seq; freshet status shows why the service is behind',
                details: { asked: seq, reached: position(), waiting_bytes: waitingBytes },
              },
            ),
          );
        waitingBytes += bytes;
        const asked = performance.now();
        const waiter: Waiter = {
          seq,
          resolve: () => {
            clearTimeout(timer);
            waitingBytes -= bytes;
            resolve(position());
          },
          giveUp: (stopped) => {
            clearTimeout(timer);
            waitingBytes -= bytes;
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
