/**
 * What goes to the server in one turn of the event loop goes in one write. A write is a system call that wakes the
 * server, which costs more than what most messages are about: on two cores that serve and fold, 16 askers at once got
 * a third less where each question and each answer had one of its own.
 */
let due: (() => void)[] = [];

/** Sends at the end of this turn, or with {@link sendNow}. What `send` throws would end the process. */
export function sendThisTurn(send: () => void): void {
  due.push(send);
  if (due.length === 1) setImmediate(sendNow);
}

/** Sends what waits for the end of the turn: for whoever is about to keep the event loop busy. */
export function sendNow(): void {
  if (due.length === 0) return;
  const sends = due;
  due = [];
  for (const send of sends) send();
}
