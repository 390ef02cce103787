/** Another server takes the port between the choice and the start: `freshet up` does not take it for its own. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { natsServerProgram } from '../support/nats.ts';
import { startSystem } from '../support/system.ts';
import { tempDir } from '../support/tempdir.ts';

/** A nats-server at whose first start another one listens at the port that the configuration names. */
async function overtaken(more: string): Promise<{ program: string; port: () => number }> {
  const folder = tempDir('port');
  const { path } = await natsServerProgram();
  const program = join(folder, 'nats-server');
  const script = `#!/bin/sh
case "$1" in --version) exec '${path}' --version ;; esac
if [ ! -e '${folder}/other.log' ]; then
  sed -n 's/^listen: "127.0.0.1:\\([0-9]*\\)"$/\\1/p' "$2" >'${folder}/port'
  '${path}' -a 127.0.0.1 -p "$(cat '${folder}/port')" ${more} -sd '${folder}' </dev/null >/dev/null 2>'${folder}/other.log' 3<&- &
  echo $! >'${folder}/other.pid'
  until grep -q 'Server is ready' '${folder}/other.log'; do sleep 0.05; done
fi
exec '${path}' "$@"
`;
  writeFileSync(program, script, { mode: 0o755 });
  onTestFinished(() => void process.kill(Number(readFileSync(join(folder, 'other.pid'), 'utf8')), 'SIGKILL'));
  return { program, port: () => Number(readFileSync(join(folder, 'port'), 'utf8')) };
}

it.skipIf(process.platform === 'win32').each([
  ['of a secured system', true, ''],
  ['of a system without accounts', false, '-js'],
])('the embedded server %s takes another port', async (_what, secure, more) => {
  const { program, port } = await overtaken(more);
  const env = { NATS_SERVER_BIN: program };
  const moved = await startSystem({ args: ['--no-demo', '--only', 'user'], secure, env });
  expect(new URL(moved.nats).port).not.toBe(String(port()));
  expect((await moved.ask<{ state: string }>('user.status')).state).toBe('ready');
  expect(await moved.stop()).toBe(0);
});
