/** Reads the server-sent events of an answer. */
import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** `alive` is called with each part of the answer, heartbeats included. */
export async function* readEvents(response: Response, alive: () => void): AsyncGenerator<EventSourceMessage> {
  const reader = response.body?.getReader();
  if (!reader) return;
  const decoder = new TextDecoder();
  let messages: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => void messages.push(message) });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      alive();
      parser.feed(decoder.decode(value, { stream: true }));
      yield* messages;
      messages = [];
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
