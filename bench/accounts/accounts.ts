/** What an account boundary costs: acknowledged publishing and requests, inside the account of the log and across accounts. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { locateNatsServer } from '../../scripts/setup/nats-server.mjs';
import { connect } from '../../src/bus/nats/connection.ts';
import { applyStreams } from '../../src/bus/streams/plan.ts';
import { completeConfig } from '../../src/config/load.ts';
import { keyFile, serverFile } from '../../src/secure/files.ts';
import { initSecure } from '../../src/secure/init.ts';
import { freePort } from '../../src/up/nats-server.ts';

export interface AccountFigures {
  nats: string;
  events: number;
  rounds: number;
  tls: boolean;
  /** Per second, each round's; inside the account of the log, and from another account. */
  publish: Pair;
  request: Pair;
}

export interface Pair {
  inside: number[];
  across: number[];
}

export interface AccountOptions {
  /** Events and requests in each measurement. */
  events: number;
  /** Measurements of each kind, by turns. */
  rounds: number;
  /** Messages that wait for their acknowledgement at once. */
  window: number;
  tls: boolean;
  say: (line: string) => void;
}

const PAYLOAD = Buffer.alloc(300, 'x');
const CONFIG = completeConfig({});

export async function runAccounts({ events, rounds, window, tls, say }: AccountOptions): Promise<AccountFigures> {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-bench-'));
  const dir = join(folder, 'bus');
  const found = await locateNatsServer({ env: { ...process.env, NATS_URL: '' } });
  if ('url' in found) throw new Error('a benchmark runs its own nats-server');
  const port = await freePort('127.0.0.1', 0, '--nats-port');
  await initSecure({
    dir,
    listen: `127.0.0.1:${port}`,
    storeDir: 'store',
    apps: ['bench'],
    discovery: false,
    inboxPrefixes: [],
    tls: tls ? { hosts: ['localhost'] } : null,
    config: CONFIG,
  });
  const server = spawn(found.path, ['-c', serverFile(dir)], { stdio: 'ignore' });
  const as = (name: string): Promise<NatsConnection> =>
    connect({
      url: `nats://127.0.0.1:${port}`,
      name,
      waitOnFirstConnect: true,
      access: { credentials: keyFile(dir, name), ca: tls ? join(dir, 'tls/ca.pem') : undefined },
    });
  const connections: NatsConnection[] = [];
  try {
    const operator = await as('operator');
    const app = await as('app-bench');
    connections.push(operator, app);
    await applyStreams(operator);
    // A service that answers at once, on a subject that applications may request.
    operator.subscribe('freshet.engine.recommend', { callback: (_err, msg) => msg.respond(PAYLOAD) });
    await operator.flush();
    const caller = await as('operator');
    connections.push(caller);
    const publish: Pair = { inside: [], across: [] };
    const request: Pair = { inside: [], across: [] };
    for (let round = 0; round <= rounds; round++) {
      say(round === 0 ? 'a round to warm up' : `round ${round} of ${rounds}`);
      for (const [place, nc] of [
        ['inside', caller],
        ['across', app],
      ] as const) {
        const events_ = await rate(events, window, (i) =>
          nc.jetstream().publish(`ev.user.u${i % 1_000}.viewed`, PAYLOAD),
        );
        const requests = await rate(events, window, () =>
          nc.request('freshet.engine.recommend', PAYLOAD, { timeout: 30_000 }),
        );
        if (round === 0) continue;
        publish[place].push(events_);
        request[place].push(requests);
      }
    }
    return { nats: found.version, events, rounds, tls, publish, request };
  } finally {
    for (const nc of connections) await nc.close();
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGTERM');
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Calls per second, with a window of them under way. */
async function rate(calls: number, window: number, call: (i: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < calls) await call(next++);
  };
  await Promise.all(Array.from({ length: window }, worker));
  return (calls * 1_000) / (performance.now() - started);
}
