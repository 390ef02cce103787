/** The open sessions by the time of their next event. */
import type { Session } from './sessions.ts';

export interface SessionQueue {
  /** Time of the first session's next event; infinity if the queue is empty. */
  first(): number;
  push(session: Session): void;
  /** Removes the first session. The queue must not be empty. */
  pop(): Session;
}

/** A binary heap, because few sessions are open at a time and they have many events. The older of two equal ones is first. */
export function createSessionQueue(): SessionQueue {
  const heap: { session: Session; time: number; order: number }[] = [];
  let order = 0;
  const before = (a: number, b: number): boolean => {
    const x = heap[a]!;
    const y = heap[b]!;
    return x.time < y.time || (x.time === y.time && x.order < y.order);
  };
  const swap = (a: number, b: number): void => {
    const x = heap[a]!;
    heap[a] = heap[b]!;
    heap[b] = x;
  };
  return {
    first: () => heap[0]?.time ?? Number.POSITIVE_INFINITY,
    push(session) {
      let i = heap.push({ session, time: session.time, order: order++ }) - 1;
      while (i > 0) {
        const parent = (i - 1) >> 1;
        if (!before(i, parent)) break;
        swap(i, parent);
        i = parent;
      }
    },
    pop() {
      const top = heap[0]!;
      const bottom = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = bottom;
        for (let i = 0; ; ) {
          const left = 2 * i + 1;
          const right = left + 1;
          let least = i;
          if (left < heap.length && before(left, least)) least = left;
          if (right < heap.length && before(right, least)) least = right;
          if (least === i) break;
          swap(i, least);
          i = least;
        }
      }
      return top.session;
    },
  };
}
