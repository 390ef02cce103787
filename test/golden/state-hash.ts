/**
 * State as a function of the log, in hashes: the four projections and the engine's model after the fold of a log. `state-hash.json` beside it holds the expected hashes.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoredMessage } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import { type StateFollower, withState } from '../../src/bus/projection/after-commit.ts';
import { foldVersion, type ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { hashProjection } from '../../src/bus/projection/hash.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { completeConfig } from '../../src/config/load.ts';
import { engineRebuild, hashModel, type ModelHash } from '../../src/engine/lifecycle/rebuild.ts';
import { MODEL_CODE } from '../../src/engine/model/version.ts';
import { openImport } from '../../src/import/mod.ts';
import { definitionsOf } from '../support/definitions.ts';
import { makeTempDir, removeTempDir } from '../support/folder.ts';
import { codec, DECLARED, goldenLog, KEY } from './state-log.ts';

export interface ServiceHash {
  fold_version: string;
  /** Messages by outcome. */
  applied: number;
  duplicates: number;
  dead_letters: number;
  unknown: number;
  /** Rows and SHA-256 by table. */
  tables: Record<string, { rows: number; hash: string }>;
}

export interface StateHash {
  /** SHA-256 over the messages, which distinguishes another log from another fold. */
  log: string;
  messages: number;
  services: Record<string, ServiceHash>;
  model: ModelHash & { code: number };
}

export const PINNED = new URL('./state-hash.json', import.meta.url);

export const pinned = (): Record<string, StateHash> =>
  JSON.parse(readFileSync(PINNED, 'utf8')) as Record<string, StateHash>;

/** The golden logs, and the sizes of batches by which each of them gives the same state. */
export const GOLDEN: Readonly<Record<string, { log: () => StoredMessage[]; batches: readonly number[] }>> = {
  // If the rows are ahead of the model, the model reads rows from which an erasure has removed some. Its state then depends
  // on the batches until a rebuild of the engine. In batches of one event, no row is ahead.
  golden: { log: () => goldenLog(), batches: [1] },
  'golden purged': { log: () => goldenLog({ purged: true }), batches: [500, 7] },
};

const config = completeConfig({ events: { declared: DECLARED } });
const CREATED = '2026-12-01T00:00:00.000Z';

/** Folds a log into the four projections and the model, `batch` messages in one transaction. */
export function hashState(messages: readonly StoredMessage[], batch: number): StateHash {
  const { definition, state, modelFold } = engineRebuild(config, KEY);
  const definitions = { ...definitionsOf(config), engine: () => definition as ProjectionDefinition<never> };
  const services = Object.fromEntries(
    Object.entries(definitions).map(([service, make]) => [
      service,
      hashService(make(), messages, batch, service === 'engine' ? state : undefined),
    ]),
  );
  const folded = modelFold();
  if (!folded) throw new Error('the engine has no model');
  const model = { code: MODEL_CODE, ...hashModel(folded.model, folded.position()) };
  return { log: hashLog(messages), messages: messages.length, services, model };
}

function hashService<T>(
  definition: ProjectionDefinition<T>,
  messages: readonly StoredMessage[],
  batch: number,
  state?: () => StateFollower | undefined,
) {
  const folder = makeTempDir('state-hash');
  const rows = openStore({ file: join(folder, 'p.sqlite'), definition, codec, erasureKey: KEY });
  const store = state ? withState(rows, state) : rows;
  try {
    for (let at = 0; at < messages.length; at += batch) store.commit(messages.slice(at, at + batch), CREATED);
    // The wording of an error may change. Code, subject and payload name the problem and the message.
    store.db.prepare(`UPDATE dead_letter SET message = ''`).run();
    const { applied, duplicates, deadLetters, unknown } = store.checkpoint();
    const tables = hashProjection(store.db).tables.map(({ table, rows, hash }) => [table, { rows, hash }] as const);
    const counts = { applied, duplicates, dead_letters: deadLetters, unknown };
    return { fold_version: foldVersion(definition), ...counts, tables: Object.fromEntries(tables) };
  } finally {
    store.close();
    removeTempDir(folder);
  }
}

function hashLog(messages: readonly StoredMessage[]): string {
  const hash = createHash('sha256');
  for (const { seq, subject, payload, timestamp } of messages)
    hash.update(`${seq} ${timestamp} ${payload.length} ${subject}\n`).update(payload);
  return hash.digest('hex');
}

/** A log of the events that an import of these files publishes: one message a millisecond, all of them in 2026. */
export async function importedLog(paths: readonly string[]): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  const start = Date.UTC(2026, 0, 1);
  for await (const row of (await openImport(paths, { source: 'import' })).events()) {
    if (row.kind !== 'event') throw new Error(`${row.file}:${row.line} is no event`);
    const result = codec.prepare(row.event);
    if (!result.ok) throw new Error(`${row.file}:${row.line}: ${result.problem.message}`);
    const { subject, payload } = result.prepared;
    const seq = messages.length + 1;
    messages.push({ seq: streamSeq(seq), subject, payload, timestamp: start + seq });
  }
  return messages;
}

/** Names of the values that differ, such as `services.user.tables.traits.hash`. */
export function differing(found: unknown, wanted: unknown, name = ''): string[] {
  if (typeof found !== 'object' || typeof wanted !== 'object' || found === null || wanted === null)
    return found === wanted ? [] : [name];
  const [one, other] = [found as Record<string, unknown>, wanted as Record<string, unknown>];
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((key) =>
    differing(one[key], other[key], name === '' ? key : `${name}.${key}`),
  );
}
