/**
 * What goes to the server in one turn of the event loop goes in one write. A write is a system call that wakes the
 * server, which costs more than what most messages are about: on two cores that serve and fold, 16 askers at once got
 * a third less where each question and each answer had one of its own.
 */
interface Write {
  send: () => void;
  failed: (err: unknown) => void;
}

let due: Write[] = [];

/**
 * Sends at the end of this turn, or with {@link sendNow}. `failed` gets what `send` throws, for instance because the
 * connection is closed or the message is too large; the other sends of the turn go out all the same. `failed` must not
 * throw.
 */
export function sendThisTurn(send: () => void, failed: (err: unknown) => void): void {
  due.push({ send, failed });
  if (due.length === 1) setImmediate(sendNow);
}

/** Sends what waits for the end of the turn, before the caller keeps the event loop busy. Never throws. */
export function sendNow(): void {
  if (due.length === 0) return;
  const writes = due;
  due = [];
  for (const { send, failed } of writes) {
    try {
      send();
    } catch (err) {
      failed(err);
    }
  }
}
