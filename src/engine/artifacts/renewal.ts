/**
 * Renewal of recorded inputs after an erasure. An input that was trained with the user's events contains a part of the
 * user, in sums that cannot be taken apart. The engine trains it again from the remaining events, records the result, and
 * removes the old record here and in the object store. If the training fails for lack of data, it removes the old record
 * all the same. The engine then rebuilds the model with the inputs that it has.
 */
import type { Database } from 'better-sqlite3';
import type { Logger } from 'pino';
import { createPoller } from '../../bus/nats/poller.ts';
import { messageOf } from '../../errors.ts';
import type { InputKind } from '../model/mod.ts';
import { type InputObjects, objectName } from './objects.ts';
import type { InputMention, InputRecords, RecordedInput } from './records.ts';
import type { Trainings } from './trainings.ts';

export interface RenewalOptions {
  db: Database;
  records: Pick<InputRecords, 'tainted' | 'add' | 'remove'>;
  trainings: Pick<Trainings, 'renew'>;
  objects: Pick<InputObjects, 'list' | 'remove'>;
  /** This instance does not train: it removes the old inputs once the first instance has done so. */
  follows: boolean;
  /** Called when model and rows no longer follow from the records. */
  needRebuild: (reason: string) => void;
  logger: Pick<Logger, 'info' | 'warn'>;
  pollMs: number;
}

export interface Renewal {
  /** Whether an input contains a part of a forgotten user. */
  due(): boolean;
  /** Begins the renewal if an input needs it. Call it after the fold of an erasure. */
  poll(): void;
  start(): void;
  /** Waits for the current removal. The owner of a training ends the training. */
  stop(): Promise<void>;
}

const REASON = 'the engine trains inputs again that contain a part of a forgotten user';

export function createRenewal(options: RenewalOptions): Renewal {
  const { db, records, trainings, objects, follows, needRebuild, logger, pollMs } = options;
  /** Copies that the engine has not removed yet. */
  const gone = new Map<string, InputMention>();

  const replace = db.transaction((old: readonly InputMention[], input: RecordedInput | undefined) => {
    for (const mention of old) records.remove(mention);
    if (input) records.add(input);
    needRebuild(REASON);
  });

  function replaceTainted(kind: InputKind, input: RecordedInput | undefined): void {
    const old = records.tainted().filter((one) => one.kind === kind);
    replace.immediate(old, input);
    for (const mention of old) gone.set(objectName(mention), mention);
    logger.info({ kind, records: old.length, trained: input !== undefined }, REASON);
  }

  async function work(): Promise<void> {
    const tainted = records.tainted();
    if (tainted.length > 0) {
      if (follows) await follow(tainted);
      else await trainings.renew([...new Set(tainted.map(({ kind }) => kind))], replaceTainted);
    }
    for (const [name, mention] of gone) {
      await objects.remove(mention);
      gone.delete(name);
    }
  }

  async function follow(tainted: readonly InputMention[]): Promise<void> {
    const copies = new Set((await objects.list()).map(identity));
    const old = tainted.filter((mention) => !copies.has(identity(mention)));
    if (old.length > 0) replace.immediate(old, undefined);
  }

  // During a cut-over this file is closed, and the new runtime does the renewal.
  const due = (): boolean => db.open && records.tainted().length > 0;

  const poller = createPoller({
    everyMs: pollMs,
    atStart: true,
    run: async () => {
      if (gone.size > 0 || due()) await work();
    },
    onError: (err) =>
      logger.warn(
        { reason: messageOf(err) },
        'the engine could not train its inputs again after an erasure; it tries again at the next poll',
      ),
  });

  return {
    due,
    poll: () => void poller.poll(),
    start: poller.start,
    stop: poller.stop,
  };
}

/** Whether two records are of the same training, whatever position they count from. */
const identity = ({ trained_at, kind, sha256 }: InputMention): string => `${trained_at}/${kind}/${sha256}`;
