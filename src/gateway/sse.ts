/** Server-sent events (HTML standard, section 9.2) on a connection that stays open. */
import type { ServerResponse } from 'node:http';

export interface SseMessage {
  id: string;
  event: string;
  data: unknown;
}

export interface Sse {
  /** False where the reader is too slow, and has been cut off. */
  send(message: SseMessage): boolean;
  end(): void;
}

export interface SseOptions {
  /** Headers that were set for the answer. */
  headers: Record<string, string>;
  heartbeatMs: number;
  /** Bytes that may wait for the reader. */
  bufferBytes: number;
  /** Milliseconds after which a reader that was cut off is to come back. */
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
    // Whoever doesn't read would have it pile up here.
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
