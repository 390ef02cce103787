/** What a stop of a protocol has left: lost and doubled events, files that stay, and state that is not a fold of the log. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createCodec } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import { call } from '../../src/bus/nats/micro.ts';
import type { ServiceName } from '../../src/bus/projection/definition.ts';
import { projectionFiles } from '../../src/bus/projection/files.ts';
import { readRange } from '../../src/bus/projection/range.ts';
import { verifyProjection } from '../../src/bus/projection/verify.ts';
import { createServiceLog } from '../../src/bus/service/log.ts';
import { erasureKey } from '../../src/bus/streams/erasure-key.ts';
import { rebuildable } from '../../src/cli/projections.ts';
import type { LiveModelHash } from '../../src/engine/lifecycle/rebuild.ts';
import { silent } from '../support/counting.ts';
import { until } from '../support/wait.ts';
import type { World } from './world.ts';

export interface Found {
  /** Events of the log that a service has not folded, or objects that should be there. */
  lost: string[];
  /** Effects that an event or act had more than once. */
  doubled: string[];
  /** What should have ended and has not, files that should be gone included. */
  stuck: string[];
}

export const nothing = (): Found => ({ lost: [], doubled: [], stuck: [] });

/** Milliseconds, on a machine without other work, within which a protocol goes on after a stop. */
const SETTLES_MS = 15_000;

/** Waits for a condition; notes what is stuck if it does not come. */
export async function settles(found: Found, what: string, condition: () => unknown): Promise<void> {
  await until(async () => Boolean(await condition()), { within: SETTLES_MS, what }).catch(() => {
    found.stuck.push(what);
  });
}

/** Waits until services are ready at the end of the log without a rebuild that is due, and examines their state. */
export async function audit(world: World, found: Found, ...services: ServiceName[]): Promise<void> {
  const { nc, publisher, config, data } = world;
  const log = await createServiceLog({ nc, publisher, config, service: 'steps' });
  const { lastSeq } = await log.info();
  for (const service of services) {
    const files = projectionFiles(data, service);
    await settles(found, `${service} is ready at ${lastSeq}, without a rebuild or a copy that is due`, () => {
      const { state, seq, rebuild_due } = world.running(service).status();
      return state === 'ready' && seq >= lastSeq && rebuild_due === undefined && !holdsTraces(files.live);
    });
    await settles(
      found,
      `no file of a cut-over or copy of ${service} is left`,
      () => leftOver(data, service).length === 0,
    );
  }
  const identities = new Set<string>();
  const codec = createCodec();
  await readRange({
    log,
    service: 'steps',
    consumer: 'steps-audit',
    from: streamSeq(0),
    to: lastSeq,
    fence: lastSeq,
    onBatch: (batch) => {
      for (const message of batch) {
        const decoded = codec.decode(message);
        if (decoded.kind === 'event') identities.add(decoded.event.identity);
      }
    },
  });
  for (const service of services) {
    const db = new Database(projectionFiles(data, service).live, { readonly: true });
    const rows = new Set(db.prepare<[], string>('SELECT identity FROM identity').pluck().all());
    db.close();
    for (const one of identities) if (!rows.has(one)) found.lost.push(`${service}: ${one}`);
    for (const one of rows) if (!identities.has(one)) found.doubled.push(`${service}: ${one} is not in the log`);
    await verify(world, found, service);
  }
}

const holdsTraces = (file: string): boolean => {
  const db = new Database(file, { readonly: true });
  try {
    return db.pragma('user_version', { simple: true }) === 2;
  } finally {
    db.close();
  }
};

/**
 * Files that only a protocol that has not ended may leave. The files of a rebuild that was killed stay: the next rebuild
 * goes on with them, and the copy after an erasure removes its rows.
 */
export const leftOver = (data: string, service: string): string[] =>
  readdirSync(data).filter((name) => new RegExp(`^${service}\\.(next|copy)\\.(sqlite|model$)`).test(name));

/** Rows and model equal a fold of the log: an effect that is missing or counts twice shows. */
async function verify({ nc, publisher, config, data }: World, found: Found, service: ServiceName): Promise<void> {
  const log = await createServiceLog({ nc, publisher, config, service });
  const key = await erasureKey(nc);
  const { live } = projectionFiles(data, service);
  const { definition, state, modelFold, close } = await rebuildable(service, config, key, { live, nc, log });
  const hash = (): Promise<LiveModelHash> => call(nc, `freshet.${service}.hash.${service}`, {}, { timeoutMs: 30_000 });
  try {
    const verdict = await verifyProjection({
      file: live,
      definition,
      codec: createCodec(),
      log,
      consumer: `steps-${service}`,
      logger: silent,
      scratch: join(data, '..'),
      erasureKey: key,
      ...(modelFold && state
        ? { memory: { state, hash: modelFold.hash, live: hash, difference: async () => undefined } }
        : {}),
    });
    if (verdict.live !== verdict.rebuilt)
      found.doubled.push(`${service} differs from its log: ${JSON.stringify(verdict.first_difference)}`);
  } finally {
    close?.();
  }
}
