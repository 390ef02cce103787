/**
 * A whole system on one nats-server is backed up while events come, destroyed, and restored on the same or another
 * nats-server; a user is forgotten before the backup and another one after it.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { serverVersion } from '../../scripts/setup/nats-server.mjs';
import { connect } from '../../src/bus/nats/connection.ts';
import { createPublisher } from '../../src/bus/nats/publisher.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { outgoing, viewed } from '../support/events.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { BOOKS, books, READERS, reading } from '../support/readers.ts';
import { startSystem, type TestSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

export interface BackupRun {
  /** Path of the nats-server that is backed up. */
  server: string;
  /** Path of the one that the backup is restored into. Default: the same. */
  into?: string;
  /** Events in the log before the backup. */
  events: number;
  /** Events per second while the backup is made. */
  rate: number;
  say?: (line: string) => void;
}

export interface BackupResult {
  from: string;
  into: string;
  events: number;
  /** Events per second that the log acknowledged during the backup. */
  rate: number;
  bytes: number;
  seconds: number;
  /** S, and the last sequence when the backup was complete. */
  last_seq: number;
  ends_at: number;
  /** The last sequence that came back, and the hole behind it. */
  restored: number;
  hole: { first: number; last: number } | null;
  /** `equal`, or the code with which the restore refused. */
  outcome: string;
  wrong: string[];
}

interface Made {
  bytes: number;
  seconds: number;
  log: { last_seq: number; ends_at: number };
  checked: { last: number; hole: BackupResult['hole'] } | null;
}
interface Restored {
  last: number;
  hole: BackupResult['hole'];
  messages: number;
  repeated: number;
  projections: { instance: string; seq: number; refused: object | null }[];
}

const READY_MS = 300_000;

const envOf = (program: string): NodeJS.ProcessEnv => ({
  NATS_SERVER_BIN: program,
  FRESHET_ERASURE_REBUILD_AFTER_MS: '100',
  FRESHET_ENGINE_TRAINING_CONTENT: 'false',
});

const start = async (program: string, data: string, args: string[] = []): Promise<TestSystem> =>
  startSystem({ args: ['--no-demo', ...args], env: envOf(program), data, keep: true });

/** Parses the answer of a verb, or throws what it wrote. */
async function verb<T>(system: TestSystem, ...words: string[]): Promise<T> {
  const { code, stdout, stderr } = await system.cli(...words, '--json');
  if (code !== 0) throw new Error(`freshet ${words.join(' ')} ended with ${code}: ${stderr}${stdout}`);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as T;
}

/** Publishes at a rate; the returned function ends it and resolves with events per second. */
async function trickle(system: TestSystem, perSecond: number): Promise<() => Promise<number>> {
  const nc = await connect({ url: system.nats, name: 'backup-test' });
  const publisher = createPublisher(nc);
  const began = performance.now();
  const sent: Promise<unknown>[] = [];
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1_000) * perSecond;
    for (let n = sent.length; n < due; n++)
      sent.push(publisher.publish(outgoing(viewed(`w${n % READERS}`, `i${n % BOOKS}`, { id: `more${n}` }))));
  }, 2);
  return async () => {
    clearInterval(timer);
    await Promise.all(sent);
    const seconds = (performance.now() - began) / 1_000;
    await publisher.close();
    await nc.close();
    return sent.length / seconds;
  };
}

async function fill(system: TestSystem, events: number): Promise<void> {
  await system.publish(books());
  for (let from = 0; from < events; from += 5_000) await system.publish(reading(Math.min(5_000, events - from), from));
}

/** What must be refused while the system runs. */
async function refusals(system: TestSystem, backup: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const [words, code, text] of [
    [['backup', backup], 2, /FRESHET_USAGE: .* is not empty/],
    [['backup', backup, '--check', '--ledger-only'], 2, /FRESHET_USAGE/],
    [
      ['restore', backup, '--replace'],
      1,
      /FRESHET_RESTORE_REFUSED: Services of Freshet run .*content, engine, feedback, user/,
    ],
    [['restore', join(backup, 'nothing')], 1, /FRESHET_BACKUP_INVALID/],
  ] as const) {
    const answer = await system.cli(...words);
    if (answer.code !== code || !text.test(answer.stderr) || !answer.stderr.includes('Next: '))
      wrong.push(`freshet ${words.join(' ')} ended with ${answer.code}: ${answer.stderr}`);
  }
  return wrong;
}

export async function runBackup({
  server,
  into = server,
  events,
  rate,
  say = () => {},
}: BackupRun): Promise<BackupResult> {
  const folder = makeTempDir('backup-run');
  const backup = join(folder, 'backup');
  const newer = join(folder, 'ledger');
  const wrong: string[] = [];
  let system: TestSystem | undefined;
  try {
    const [from, to] = await Promise.all([serverVersion(server), serverVersion(into)]);
    system = await start(server, join(folder, 'first'));
    await fill(system, events);
    await verb(system, 'forget', 'u5', '--wait');
    say(`${from}: ${events} events are in the log; the backup begins under ${rate} events/s`);
    const stop = await trickle(system, rate);
    const made = await verb<Made>(system, 'backup', backup);
    const reached = await stop();
    if (!made.checked) wrong.push('the backup was not checked');
    await verb(system, 'forget', 'u6', '--wait');
    await verb(system, 'backup', newer, '--ledger-only');
    wrong.push(...(await refusals(system, backup)));
    await system.stop();

    say(`${from} to ${to}: the restore begins`);
    system = await start(into, join(folder, 'second'), ['--only', 'nats']);
    // Projections of the lost log, which reach further than the backup.
    for (const service of SERVICES)
      cpSync(join(folder, 'first', `${service}.sqlite`), join(folder, 'second', `${service}.sqlite`));
    const answer = await system.cli('restore', backup, '--ledger', newer, '--json');
    await system.stop();
    const result = {
      from,
      into: to,
      events,
      rate: Math.round(reached),
      bytes: made.bytes,
      seconds: made.seconds,
      last_seq: made.log.last_seq,
      ends_at: made.log.ends_at,
    };
    if (answer.code !== 0) {
      const refused = /^(FRESHET_\w+): /m.exec(answer.stderr)?.[1] ?? answer.stderr;
      return { ...result, restored: 0, hole: null, outcome: refused, wrong };
    }
    const restored = JSON.parse(answer.stdout) as Restored;
    if (restored.last < made.log.last_seq) wrong.push(`it ends at ${restored.last}`);
    if (restored.repeated !== 1) wrong.push(`it repeated ${restored.repeated} erasures instead of 1`);
    if (made.checked && from === to && made.checked.last !== restored.last)
      wrong.push(`the check found ${made.checked.last}, and the restore ${restored.last}`);
    if (restored.projections.length !== SERVICES.length) wrong.push('it does not speak of every kept projection');
    for (const { instance, seq, refused } of restored.projections)
      if (!refused) wrong.push(`it lets the projection of ${instance} go on from ${seq}`);
    for (const service of SERVICES) rmSync(join(folder, 'second', `${service}.sqlite`));
    system = await start(into, join(folder, 'second'));
    const { http } = system;
    await until(async () => (await fetch(`${http}/readyz`)).status === 200, { within: READY_MS, what: 'all is ready' });
    for (const user of ['u5', 'u6']) {
      const { code } = await system.cli('history', user);
      if (code !== 1) wrong.push(`${user} is back`);
    }
    const verified = await system.cli('verify', '--json');
    if (verified.code !== 0) wrong.push(`verify: ${verified.stdout}${verified.stderr}`);
    await system.stop();
    system = undefined;
    const outcome = wrong.length === 0 ? 'equal' : 'differs';
    return { ...result, restored: restored.last, hole: restored.hole, outcome, wrong };
  } finally {
    await system?.stop().catch(() => {});
    removeTempDir(folder);
  }
}

export function tableOf(results: readonly BackupResult[]): string {
  const lines = ['| backed up on | restored on | events/s | MiB | seconds | S | end | restored to | hole | outcome |'];
  lines.push('| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const one of results) {
    const hole = one.hole ? `${one.hole.first} to ${one.hole.last}` : 'none';
    const mib = (one.bytes / 1_048_576).toFixed(1);
    lines.push(
      `| ${[one.from, one.into, one.rate, mib, one.seconds.toFixed(1), one.last_seq, one.ends_at, one.restored, hole, one.outcome].join(' | ')} |`,
    );
  }
  return lines.join('\n');
}
