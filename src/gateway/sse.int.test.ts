import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../test/support/wait.ts';
import { createSseBuffers, openSse, type Sse } from './sse.ts';

const buffers = createSseBuffers(10_000_000);

async function serve(onEnd: () => void): Promise<{ port: number; opened: () => Sse | undefined }> {
  let sse: Sse | undefined;
  const server = createServer((_request, raw) => {
    sse = openSse(raw, { headers: {}, heartbeatMs: 10, bufferBytes: 100_000, retryMs: 1_000, onEnd, buffers });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, opened: () => sse };
}

test('a reader that does not read is cut off instead of filling the memory, and onEnd is called once', async () => {
  let ends = 0;
  const { port, opened } = await serve(() => ends++);
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  onTestFinished(() => void socket.destroy());
  socket.pause();
  const sse = await until(() => opened());
  const data = 'x'.repeat(50_000);
  // The system's own buffers take the first megabytes.
  await until(() => !sse.send({ id: '1', event: 'ranking', data }), { what: 'the reader to be cut off' });
  expect(sse.send({ id: '2', event: 'ranking', data })).toBe(false);
  sse.end();
  expect(ends).toBe(1);
});

test('a sender that waits for room keeps a slow reader, and loses nothing', async () => {
  let ends = 0;
  const { port, opened } = await serve(() => ends++);
  let received = 0;
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  onTestFinished(() => void socket.destroy());
  socket.pause();
  socket.on('data', (chunk) => {
    received += chunk.length;
  });
  const sse = await until(() => opened());
  const [messages, data] = [600, 'x'.repeat(30_000)];
  let sent = 0;
  const sender = (async () => {
    while (sent < messages && sse.send({ id: '1', event: 'event', data })) {
      sent++;
      await sse.room();
    }
  })();
  // The system's own buffers are full.
  let before = -1;
  await until(async () => {
    const still = sent === before;
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 20));
    return still && sent > 0;
  });
  expect(sent).toBeLessThan(messages);
  expect(ends).toBe(0);
  socket.resume();
  await sender;
  expect(sent).toBe(messages);
  await until(() => received > messages * data.length);
});

test('a sender that waits for room goes on when the reader leaves', async () => {
  const { port, opened } = await serve(() => undefined);
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  socket.pause();
  const sse = await until(() => opened());
  const sender = (async () => {
    while (sse.send({ id: '1', event: 'event', data: 'x'.repeat(30_000) })) await sse.room();
  })();
  socket.destroy();
  await sender;
});

test('a reader that disconnects is noticed, and each message has one line of data', async () => {
  let ends = 0;
  const { port, opened } = await serve(() => ends++);
  let text = '';
  const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  const sse = await until(() => opened());
  expect(sse.send({ id: '7.abc', event: 'ranking', data: { line: 'one\ntwo' } })).toBe(true);
  await until(
    () => text.includes('id: 7.abc\nevent: ranking\ndata: {"line":"one\\ntwo"}\n\n') && text.includes(':\n\n'),
  );
  socket.destroy();
  await until(() => ends === 1);
});

test('the reader for whom the most waits is cut off once all readers together leave too much waiting', async () => {
  const limit = 1_000_000;
  const shared = createSseBuffers(limit);
  const opened: { sse: Sse; waiting: () => number; ended: boolean }[] = [];
  const server = createServer((_request, raw) => {
    const stream = { sse: undefined as unknown as Sse, waiting: () => raw.writableLength, ended: false };
    const onEnd = (): void => {
      stream.ended = true;
    };
    // Each of them may have more than all of them together.
    stream.sse = openSse(raw, {
      buffers: shared,
      headers: {},
      heartbeatMs: 60_000,
      bufferBytes: 100 * limit,
      retryMs: 1_000,
      onEnd,
    });
    opened.push(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  for (let n = 0; n < 4; n++) {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    onTestFinished(() => void socket.destroy());
    socket.pause();
    await until(() => opened.length === n + 1);
  }
  const data = 'x'.repeat(50_000);
  let most = 0;
  await until(
    () => {
      for (const [n, { sse, ended }] of opened.entries())
        for (let times = 0; times <= n && !ended; times++) sse.send({ id: '1', event: 'ranking', data });
      most = Math.max(
        most,
        opened.reduce((sum, { waiting, ended }) => sum + (ended ? 0 : waiting()), 0),
      );
      return opened.some(({ ended }) => ended);
    },
    { what: 'a reader to be cut off' },
  );
  // The last one got the most.
  expect(opened.map(({ ended }) => ended)).toEqual([false, false, false, true]);
  expect(most).toBeLessThanOrEqual(limit);
  expect(opened[0]?.sse.send({ id: '2', event: 'ranking', data: 'x' })).toBe(true);
  for (const { sse } of opened) sse.end();
});
