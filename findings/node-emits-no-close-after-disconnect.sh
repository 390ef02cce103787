#!/usr/bin/env bash
# Versions:  Node 20.20.2 on Linux x64; no packages.
# Belief:    a child process emits `close` once it has ended and its output has been read, as the documentation of
#            `child_process` says.
# Behaviour: it does not if the parent has closed the channel to it (`child.disconnect()`) before: `exit` comes, the
#            streams end, and `close` never comes. If the child closes the channel, `close` comes.
# Output:    parent disconnects: exit true, output read true, close false
#            child disconnects: exit true, output read true, close true
# The check requires exactly this.
set -Eeuo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >run.cjs <<'END'
const { spawn } = require('node:child_process');

const CHILD = `
  process.on('disconnect', () => {});
  process.on('message', () => process.disconnect());
  setInterval(() => process.connected || process.exit(3), 20);
`;

function tryOut(who, disconnect) {
  return new Promise((resolve) => {
    const seen = { exit: false, read: false, close: false };
    const child = spawn(process.execPath, ['-e', CHILD], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [child.stdout, child.stderr]) stream.resume();
    child.stdout.once('end', () => (seen.read = true));
    child.once('exit', () => (seen.exit = true));
    child.once('close', () => (seen.close = true));
    child.once('spawn', () => setTimeout(() => disconnect(child), 300));
    setTimeout(() => {
      console.log(`${who} disconnects: exit ${seen.exit}, output read ${seen.read}, close ${seen.close}`);
      resolve(seen);
    }, 3_000);
  });
}

(async () => {
  const parent = await tryOut('parent', (child) => child.disconnect());
  const own = await tryOut('child', (child) => child.send('go'));
  const same = parent.exit && parent.read && !parent.close && own.exit && own.read && own.close;
  process.exit(same ? 0 : 1);
})();
END
node run.cjs
