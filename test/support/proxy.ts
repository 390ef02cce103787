/** A TCP proxy that can cut its connections in the middle of a message. */
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Resets all connections, and accepts new ones. Returns how many it reset. */
  cut(): number;
  /** Bytes that the proxy has sent to clients so far. */
  readonly sent: number;
  /** How often the proxy has cut all connections so far. */
  readonly cuts: number;
  /** From now on the proxy cuts each time it has sent this many bytes to clients; 0 ends that. */
  cutEvery(bytes: number): void;
  /** The proxy holds once it has sent this many more bytes to clients. */
  holdAfter(bytes: number): void;
  /** While true, the proxy sends nothing in either direction, and no connection ends. */
  hold(held: boolean): void;
  /** While true, the proxy sends nothing to clients, and everything to the server. */
  holdAnswers(held: boolean): void;
  /** Resolves when a client next sends this text. The proxy passes on neither the text nor anything after it. */
  stopAt(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<[client: Socket, server: Socket]>();
  let sent = 0;
  let every = 0;
  let next = Number.POSITIVE_INFINITY;
  let held = false;
  let holdAt = Number.POSITIVE_INFINITY;
  let cuts = 0;
  let awaited: { text: string; seen: () => void } | undefined;

  function cut(): number {
    const { size } = pairs;
    cuts++;
    for (const [client, server] of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    pairs.clear();
    return size;
  }

  function hold(is: boolean): void {
    held = is;
    holdAt = Number.POSITIVE_INFINITY;
    for (const pair of pairs) {
      for (const socket of pair) {
        if (is) socket.pause();
        else socket.resume();
      }
    }
  }

  const proxy = createServer((client) => {
    const server = connect(targetPort, '127.0.0.1');
    const pair: [Socket, Socket] = [client, server];
    pairs.add(pair);
    const over = (): void => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.on('error', over).on('close', over);
    if (held) for (const socket of pair) socket.pause();
    client.on('data', (data) => {
      if (awaited && data.includes(awaited.text)) {
        const { seen } = awaited;
        awaited = undefined;
        hold(true);
        seen();
        return;
      }
      server.write(data);
    });
    server.on('data', (data) => {
      sent += data.length;
      client.write(data);
      if (sent >= holdAt) hold(true);
      if (sent < next) return;
      next = sent + every;
      cut();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  return {
    port: address && typeof address === 'object' ? address.port : 0,
    cut,
    get sent() {
      return sent;
    },
    get cuts() {
      return cuts;
    },
    stopAt: (text) =>
      new Promise((seen) => {
        awaited = { text, seen };
      }),
    cutEvery: (bytes) => {
      every = bytes;
      next = bytes === 0 ? Number.POSITIVE_INFINITY : sent + bytes;
    },
    holdAfter: (bytes) => {
      holdAt = sent + bytes;
    },
    hold,
    holdAnswers: (is) => {
      held = false;
      for (const [, server] of pairs) {
        if (is) server.pause();
        else server.resume();
      }
    },
    close: async () => {
      const closed = new Promise((resolve) => proxy.close(resolve));
      cut();
      await closed;
    },
  };
}
