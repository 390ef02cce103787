/** Names where the engine's model in memory differs from one that was folded from the log. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { eventSubject } from '../bus/event/subject.ts';
import type { Log } from '../bus/log/port.ts';
import { call } from '../bus/nats/micro.ts';
import type { MemoryDifference } from '../bus/projection/verify.ts';
import type { Config } from '../config/schema.ts';
import { firstDifferenceOfContents, type WrittenContents } from '../engine/lifecycle/contents.ts';
import { CONTENTS, contentsOf, type Model, touching } from '../engine/model/mod.ts';

export interface ModelDifferenceOptions {
  nc: NatsConnection;
  log: Log;
  /** Which instance of the engine is compared, and its data folder. */
  instance: string;
  data: string;
  config: Config;
  model: () => Model;
  /** Folds the rebuilt one up to a position. */
  fold: (seq: number) => Promise<void>;
}

/** Milliseconds that the engine has to write a table of its model. */
const WRITE_MS = 120_000;

/** Table by table, each as it is when the engine is asked; undefined where none differs any more. */
export async function modelDifference(options: ModelDifferenceOptions): Promise<MemoryDifference | undefined> {
  const { nc, log, instance, data, config, model, fold } = options;
  const subject = `freshet.engine.contents.${instance}`;
  for (const table of CONTENTS) {
    const written = await call<WrittenContents>(nc, subject, { table }, { timeoutMs: WRITE_MS });
    const file = join(data, written.file);
    try {
      await fold(written.seq);
      const difference = await firstDifferenceOfContents(file, contentsOf(model(), table));
      if (!difference) continue;
      const { key } = difference;
      const { seqs, learned } = touching(
        model(),
        table,
        key as Record<string, string | number | null>,
        bucketOf(config),
      );
      return {
        seq: written.seq,
        difference,
        touched: table === 'user' ? await saidOf(String(key.user), log) : seqs,
        ...(learned ? { learned } : {}),
        // Of an item the rows know who wrote them; the model has no history of it.
        ...(table === 'item' ? { rows: { table, key } } : {}),
      };
    } finally {
      rmSync(file, { force: true });
    }
  }
  return undefined;
}

/** The newest events that said something of a user's traits. */
async function saidOf(user: string, log: Log): Promise<number[]> {
  const newest = await Promise.all(
    ['registered', 'updated'].map((verb) => log.newest(eventSubject('user', user, verb))),
  );
  return newest.flatMap((message) => message?.seq ?? []).sort((a, b) => a - b);
}

const bucketOf = ({ engine }: Config): number => engine.popularity_bucket_ms;
