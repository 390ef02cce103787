/** Reads every message of a log, to find those that the server skips because it cannot read them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type StreamSeq, streamSeq } from '../event/ids.ts';
import type { Log } from './port.ts';
import { rangesOf, type SequenceRange, without } from './sequences.ts';

export interface ScanOptions {
  /** Name of the reader. */
  consumer: string;
  /** Gets how many sequences of how many the scan has passed. */
  onProgress?: (done: number, total: number) => void;
}

/** Milliseconds without a message after which the scan asks for the next one by its sequence. */
const SILENT_MS = 3_000;
const POLL_MS = 20;

/** The sequences up to the present end of the log that the server counts as present and does not deliver, in order. */
export async function scanLog(log: Log, { consumer, onProgress }: ScanOptions): Promise<SequenceRange[]> {
  const { lastSeq } = await log.info();
  const missing = await log.missing(streamSeq(0));
  const skipped: SequenceRange[] = [];
  let at = 0;
  while (at < lastSeq) {
    const from = at;
    let expected = 1;
    let heard = performance.now();
    let over = false;
    const reader = await log.read(consumer, streamSeq(at + 1), {
      interrupted: () => {
        over = true;
      },
      message: ({ seq, delivery }) => {
        if (over || seq <= at) return;
        // A delivery is lost on the way: the next reader begins behind the last one that came.
        if (delivery !== expected) {
          over = true;
          return;
        }
        expected++;
        heard = performance.now();
        if (seq > at + 1) skipped.push({ first: at + 1, last: Math.min(seq - 1, lastSeq) });
        at = seq;
      },
    });
    try {
      while (!over && at < lastSeq && performance.now() - heard < SILENT_MS) {
        await sleep(POLL_MS);
        onProgress?.(Math.min(at, lastSeq), lastSeq);
      }
    } finally {
      await reader.close();
    }
    if (at > from || over) continue;
    // Nothing came at all: the rest is missing, or the next message cannot be read.
    const next = await firstReadable(log, at + 1, lastSeq, missing);
    if (next > at + 1) skipped.push({ first: at + 1, last: next - 1 });
    at = next - 1;
    if (next > lastSeq) break;
  }
  return confirmed(log, without(skipped, missing));
}

/** The first sequence from one on that the log returns; `last` + 1 without one. */
async function firstReadable(
  log: Log,
  first: number,
  last: number,
  missing: readonly SequenceRange[],
): Promise<number> {
  for (const range of without([{ first, last }], missing))
    for (let seq = range.first; seq <= range.last; seq++) if (await readable(log, streamSeq(seq))) return seq;
  return last + 1;
}

/** Leaves out what the log returns when asked for it, for example because the server has repaired its file. */
async function confirmed(log: Log, ranges: readonly SequenceRange[]): Promise<SequenceRange[]> {
  const gone: number[] = [];
  for (const { first, last } of ranges)
    for (let seq = first; seq <= last; seq++) if (!(await readable(log, streamSeq(seq)))) gone.push(seq);
  return rangesOf(gone);
}

const readable = async (log: Log, seq: StreamSeq): Promise<boolean> =>
  (await log.at(seq).catch(() => undefined)) !== undefined;
