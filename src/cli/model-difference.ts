/** Finds where the engine's model in memory differs from a model that this process folded from the log. */
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
  /** The instance of the engine to compare, and its data folder. */
  instance: string;
  data: string;
  config: Config;
  model: () => Model;
  /** Folds the rebuilt model up to a sequence. */
  fold: (seq: number) => Promise<void>;
}

/** Milliseconds that the engine gets to write one table of its model to a file. */
const WRITE_MS = 120_000;

/**
 * Compares table by table, each at the sequence at which the engine wrote it. Returns undefined if no table differs any
 * more.
 */
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
        touched: table === 'user' ? await traitEventsOf(String(key.user), log) : seqs,
        ...(learned ? { learned } : {}),
        // The rows of an item record their events; the model keeps no history of it.
        ...(table === 'item' ? { rows: { table, key } } : {}),
      };
    } finally {
      rmSync(file, { force: true });
    }
  }
  return undefined;
}

/** The sequences of the newest events with traits of a user. */
async function traitEventsOf(user: string, log: Log): Promise<number[]> {
  const newest = await Promise.all(
    ['registered', 'updated'].map((verb) => log.newest(eventSubject('user', user, verb))),
  );
  return newest.flatMap((message) => message?.seq ?? []).sort((a, b) => a - b);
}

const bucketOf = ({ engine }: Config): number => engine.popularity_bucket_ms;
