/** For tests: a reader of server-sent events, and what it has received. */
import { onTestFinished } from 'vitest';

export interface ReceivedMessage<Data = Record<string, unknown>> {
  id: string;
  event: string;
  data: Data;
}

export interface SseReader<Data> {
  response: Response;
  received: readonly ReceivedMessage<Data>[];
  /** Whether the stream has ended. */
  ended(): boolean;
  close(): void;
}

/** Opens a stream, which ends with the test. */
export async function readSse<Data = Record<string, unknown>>(
  url: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<SseReader<Data>> {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  const response = await fetch(url + path, { headers, signal: abort.signal });
  const received: ReceivedMessage<Data>[] = [];
  let ended = false;
  async function read(): Promise<void> {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() as string;
      for (const part of parts) {
        const [, id, event, data] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(part) ?? [];
        if (id === undefined || event === undefined || data === undefined) continue;
        received.push({ id, event, data: JSON.parse(data) as Data });
      }
    }
  }
  if (response.ok)
    void read()
      .catch(() => {})
      .finally(() => {
        ended = true;
      });
  return { response, received, ended: () => ended, close: () => abort.abort() };
}
