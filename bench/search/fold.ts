/** What the index of texts adds to the fold of a catalogue: processor time with it and without it, in the same run. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import type { CloudEvent } from '../../src/bus/event/types.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { completeConfig } from '../../src/config/load.ts';
import { type ContentTables, contentProjection } from '../../src/content/projection.ts';
import { cpuClock } from '../cpu-clock.ts';
import { median } from '../median.ts';

export interface FoldFigures {
  /** Processor seconds, medians of the rounds. */
  withIndex: number;
  withoutIndex: number;
  /** Bytes of the file. */
  bytesWith: number;
  bytesWithout: number;
  rounds: number;
}

/** Alternating, because other work on the machine changes the speed of both. */
const ROUNDS = 3;

/** The projection without its index. */
function withoutIndex(): ProjectionDefinition<ContentTables> {
  const whole = contentProjection();
  return { ...whole, tables: (db) => ({ ...whole.tables(db), texts: { replace: () => {} } }) };
}

export function foldCatalogue(events: Iterable<CloudEvent>): FoldFigures {
  const codec = createCodec();
  const batchMax = completeConfig({}).projection.batch_max;
  const messages = [...events].map((event, i): StoredMessage => {
    const read = codec.prepare(event);
    if (!read.ok) throw new Error(read.problem.message);
    const { subject, payload } = read.prepared;
    return { seq: streamSeq(i + 1), subject, payload, timestamp: 0 };
  });
  const folder = mkdtempSync(join(tmpdir(), 'freshet-bench-fold-'));
  const fold = (name: string, definition: ProjectionDefinition<ContentTables>): { seconds: number; bytes: number } => {
    const file = join(folder, name);
    const store = openStore({ file, definition, codec });
    const seconds = cpuClock();
    for (let at = 0; at < messages.length; at += batchMax) store.commit(messages.slice(at, at + batchMax), 'bench');
    const took = seconds();
    store.db.pragma('wal_checkpoint(TRUNCATE)');
    store.close();
    return { seconds: took, bytes: statSync(file).size };
  };
  try {
    // The first fold compiles the code of both.
    fold('warm', contentProjection());
    const rounds = Array.from({ length: ROUNDS }, (_, i) => ({
      less: fold(`less-${i}`, withoutIndex()),
      more: fold(`more-${i}`, contentProjection()),
    }));
    const [{ less, more }] = rounds as [(typeof rounds)[0]];
    return {
      withIndex: median(rounds.map((round) => round.more.seconds)),
      withoutIndex: median(rounds.map((round) => round.less.seconds)),
      bytesWith: more.bytes,
      bytesWithout: less.bytes,
      rounds: ROUNDS,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
