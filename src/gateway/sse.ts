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
  /** Resolves when less than half of what may wait for the reader waits, or the stream has ended. For a sender that can pause. */
  room(): Promise<void>;
  end(): void;
}

export interface SseOptions {
  /** Shared by all streams. */
  buffers: SseBuffers;
  /** Further headers of the answer. */
  headers: Record<string, string>;
  heartbeatMs: number;
  /** Bytes that may wait for the reader; the gateway cuts off a reader with more. */
  bufferBytes: number;
  /** Milliseconds after which a reader should connect again. */
  retryMs: number;
  onEnd: () => void;
}

/** What waits for the readers of all streams together. */
export interface SseBuffers {
  /** More bytes of a stream wait, or fewer. Beyond the limit the stream with the most is cut off. */
  wait(stream: BufferedStream, bytes: number): void;
  /** A stream has ended. */
  end(stream: BufferedStream): void;
}

export interface BufferedStream {
  cutOff(): void;
}

/** @param maxBytes bytes that may wait for the readers of all streams */
export function createSseBuffers(maxBytes: number): SseBuffers {
  const waiting = new Map<BufferedStream, number>();
  let total = 0;
  function end(stream: BufferedStream): void {
    total -= waiting.get(stream) ?? 0;
    waiting.delete(stream);
  }
  return {
    wait: (stream, bytes) => {
      const own = (waiting.get(stream) ?? 0) + bytes;
      waiting.set(stream, own);
      total += bytes;
      while (total > maxBytes) {
        let most: [BufferedStream, number] | undefined;
        for (const one of waiting) if (most === undefined || one[1] > most[1]) most = one;
        if (most === undefined) return;
        end(most[0]);
        most[0].cutOff();
      }
    },
    end,
  };
}

export function openSse(raw: ServerResponse, options: SseOptions): Sse {
  const { buffers, headers, heartbeatMs, bufferBytes, retryMs, onEnd } = options;
  raw.writeHead(200, {
    ...headers,
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  raw.write(`retry: ${retryMs}\n\n`);
  const timer = setInterval(() => void write(':\n\n'), heartbeatMs);
  let open = true;
  let waitsForRoom: () => void = () => undefined;
  const stream: BufferedStream = { cutOff };
  raw.once('close', ended);

  function ended(): void {
    if (!open) return;
    open = false;
    clearInterval(timer);
    buffers.end(stream);
    waitsForRoom();
    onEnd();
  }

  function cutOff(): void {
    raw.destroy();
    ended();
  }

  const hasRoom = (): boolean => !open || raw.writableLength <= bufferBytes / 2;

  function write(text: string): boolean {
    if (!open) return false;
    const bytes = Buffer.byteLength(text);
    raw.write(text, () => {
      if (open) buffers.wait(stream, -bytes);
      if (hasRoom()) waitsForRoom();
    });
    // Messages to a reader that does not read would fill the memory.
    if (raw.writableLength > bufferBytes) cutOff();
    else buffers.wait(stream, bytes);
    return open;
  }

  return {
    send: ({ id, event, data }) => write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    room: async () => {
      while (!hasRoom())
        await new Promise<void>((resolve) => {
          waitsForRoom = resolve;
        });
    },
    end: () => {
      if (open) raw.end();
      ended();
    },
  };
}
