import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../test/support/wait.ts';
import { openSse, type Sse } from './sse.ts';

async function serve(onEnd: () => void): Promise<{ port: number; opened: () => Sse | undefined }> {
  let sse: Sse | undefined;
  const server = createServer((_request, raw) => {
    sse = openSse(raw, { headers: {}, heartbeatMs: 10, bufferBytes: 100_000, retryMs: 1_000, onEnd });
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
