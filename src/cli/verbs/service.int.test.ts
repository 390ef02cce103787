import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from '../../../test/support/tempdir.ts';

const FRESHET = fileURLToPath(new URL('../../../bin/freshet.mjs', import.meta.url));

it('a service that waits for a server ends at a signal', async () => {
  // Accepts connections and sends nothing, as a starting server does.
  const server = createServer();
  const asked = once(server, 'connection');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const child = spawn(process.execPath, [
    FRESHET,
    'service',
    'user',
    '--data',
    tempDir(),
    '--nats',
    `nats://127.0.0.1:${port}`,
  ]);
  const exited = once(child, 'exit');
  try {
    const [socket] = await asked;
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    socket.destroy();
  } finally {
    child.kill('SIGKILL');
    server.close();
  }
});
