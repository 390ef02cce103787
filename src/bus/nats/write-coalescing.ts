/**
 * Messages to the server that are sent in one turn of the event loop go out in one write. A write is a system call that
 * wakes the server, which costs more than what most messages are about: on two cores that serve and fold, 16 concurrent
 * callers got a third less when each query and each answer had a write of its own.
 */
interface Write {
  send: () => void;
  failed: (err: unknown) => void;
}

let pending: Write[] = [];

/**
 * Sends at the end of this turn, or with {@link flushWrites}. `failed` gets what `send` throws, for instance because the
 * connection is closed or the message is too large; the other sends of the turn go out all the same. `failed` must not
 * throw.
 */
export function coalesce(send: () => void, failed: (err: unknown) => void): void {
  pending.push({ send, failed });
  if (pending.length === 1) setImmediate(flushWrites);
}

/** Sends what is pending, before the caller keeps the event loop busy. Never throws. */
export function flushWrites(): void {
  if (pending.length === 0) return;
  const writes = pending;
  pending = [];
  for (const { send, failed } of writes) {
    try {
      send();
    } catch (err) {
      failed(err);
    }
  }
}
