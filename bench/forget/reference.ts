/** The state that a log gives, folded from the beginning in this process: hashes of the rows of each service and of the model. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventCodec, StoredMessage } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import type { Log } from '../../src/bus/log/port.ts';
import type { StateFollower } from '../../src/bus/projection/after-commit.ts';
import { withState } from '../../src/bus/projection/after-commit.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { hashProjection } from '../../src/bus/projection/hash.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import type { Config } from '../../src/config/schema.ts';
import { contentProjection } from '../../src/content/projection.ts';
import type { RecordedInput } from '../../src/engine/artifacts/records.ts';
import { createModelFold, type ModelFold } from '../../src/engine/fold/model-fold.ts';
import { engineProjection, prepareTables } from '../../src/engine/fold/projection.ts';
import { engineRebuild, hashModel, type ModelHash } from '../../src/engine/lifecycle/rebuild.ts';
import { createModel } from '../../src/engine/model/mod.ts';
import { feedbackProjection } from '../../src/feedback/projection.ts';
import { userProjection } from '../../src/user/projection.ts';

export interface Reference {
  /** By service, SHA-256. */
  rows: Record<string, string>;
  model: ModelHash;
}

export interface ReferenceOptions {
  messages: readonly StoredMessage[];
  config: Config;
  codec: EventCodec;
  erasureKey: Uint8Array;
  /** Creation time of the stream. */
  created: string;
  inputs: readonly RecordedInput[];
}

/** Messages in one transaction. */
const BATCH = 2_000;

export function foldReference(options: ReferenceOptions): Reference {
  const { config, erasureKey, inputs } = options;
  const rows: Record<string, string> = {};
  rows.user = folded(userProjection(config), options);
  rows.content = folded(contentProjection(), options);
  rows.feedback = folded(feedbackProjection(config), options);
  const { definition, state, modelFold } = engineRebuild(config, erasureKey, { known: inputs });
  rows.engine = folded(definition, options, state);
  const { model, position } = modelFold() as ModelFold;
  return { rows, model: hashModel(model, position()) };
}

/** The statistics alone: histories and counts, without the ranker and the measures of quality. */
export function foldStatistics(options: Omit<ReferenceOptions, 'inputs'>): string {
  const { config } = options;
  let modelFold: ModelFold | undefined;
  const definition = engineProjection({ config });
  const model = createModel({
    statistics: { bucketMs: config.engine.popularity_bucket_ms },
    ranker: { form: 'none', dense: 0 },
    prequential: { every: 2 ** 32 },
  });
  folded(
    {
      ...definition,
      tables: (db) => {
        const tables = prepareTables(db);
        modelFold ??= createModelFold({ config, tables, model });
        return tables;
      },
    },
    options,
    () => modelFold,
  );
  return model.statisticsHash();
}

function folded<Tables>(
  definition: ProjectionDefinition<Tables>,
  { messages, codec, erasureKey, created }: Omit<ReferenceOptions, 'inputs'>,
  state: () => Pick<StateFollower, 'fold'> | undefined = () => undefined,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'freshet-reference-'));
  try {
    const store = withState(openStore({ file: join(folder, 'p.sqlite'), definition, codec, erasureKey }), state);
    for (let i = 0; i < messages.length; i += BATCH) store.commit(messages.slice(i, i + BATCH), created);
    const { hash } = hashProjection(store.db);
    store.close();
    return hash;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every message that the log holds now. */
export async function readLog(log: Log, consumer: string): Promise<StoredMessage[]> {
  const messages: StoredMessage[] = [];
  let settle!: { resolve: () => void; reject: (err: unknown) => void };
  const all = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  const reader = await log.read(consumer, streamSeq(1), {
    message: ({ seq, subject, payload, timestamp, pending }) => {
      messages.push({ seq, subject, payload: Uint8Array.from(payload), timestamp });
      if (pending === 0) settle.resolve();
    },
    interrupted: (reason) => settle.reject(new Error(`the log could not be read: ${reason}`)),
  });
  await all;
  await reader.close();
  return messages;
}
