/** Events as the publisher takes them. */
import { createCodec, type PreparedEvent } from '../../src/bus/event/codec.ts';

export function* prepared(events: Iterable<unknown>): Generator<PreparedEvent> {
  const codec = createCodec();
  for (const event of events) {
    const outcome = codec.prepare(event);
    if (!outcome.ok) throw new Error(outcome.problem.message);
    yield outcome.prepared;
  }
}
