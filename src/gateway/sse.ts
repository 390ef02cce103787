/** Sends server-sent events (HTML standard, section 9.2) over a connection that stays open. */
import type { ServerResponse } from 'node:http';

export interface SseMessage {
  id: string;
  event: string;
  data: unknown;
}

export interface Sse {
  /** False if the stream has ended: the gateway cuts off a reader that is too slow. */
  send(message: SseMessage): boolean;
  end(): void;
}

export interface SseOptions {
  /** Further headers of the answer. */
  headers: Record<string, string>;
  heartbeatMs: number;
  /** Bytes that may wait for the reader; the gateway cuts off a reader with more. */
  bufferBytes: number;
  /** Milliseconds after which a reader should connect again. */
  retryMs: number;
  onEnd: () => void;
}

export function openSse(raw: ServerResponse, options: SseOptions): Sse {
  const { headers, heartbeatMs, bufferBytes, retryMs, onEnd } = options;
  raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.write(`retry: ${retryMs}\n\n`);
  const timer = setInterval(() => void write(':\n\n'), heartbeatMs);
  let open = true;
  raw.once('close', ended);

  function ended(): void {
    if (!open) return;
    open = false;
    clearInterval(timer);
    onEnd();
  }

  function write(text: string): boolean {
    if (!open) return false;
    raw.write(text);
    if (raw.writableLength <= bufferBytes) return true;
    // Messages to a reader that does not read would fill the memory.
    raw.destroy();
    ended();
    return false;
  }

  return {
    send: ({ id, event, data }) => write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    end: () => {
      if (open) raw.end();
      ended();
    },
  };
}
