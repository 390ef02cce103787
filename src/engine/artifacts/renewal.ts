/**
 * After an erasure: what was trained while the user's events were there has their part in it, in sums that nobody can
 * take apart. It is trained once more from what is left, recorded, and the old record goes, here and in the object
 * store. Where nothing can be trained the old one goes all the same. The model is rebuilt then, with what there is.
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
  /** This instance trains nothing itself: it takes the old ones away once the first instance has. */
  follows: boolean;
  /** Model and rows no longer follow from the records that there are. */
  needRebuild: (reason: string) => void;
  logger: Pick<Logger, 'info' | 'warn'>;
  pollMs: number;
}

export interface Renewal {
  /** Whether a record has a forgotten user's part in it. */
  due(): boolean;
  /** Looks whether there is something to do; called after an erasure was folded. */
  poll(): void;
  start(): void;
  /** Waits for the removal that is under way; the owner of a training ends it. */
  stop(): Promise<void>;
}

const REASON = 'what was trained with the part of somebody who was forgotten is trained anew';

export function createRenewal(options: RenewalOptions): Renewal {
  const { db, records, trainings, objects, follows, needRebuild, logger, pollMs } = options;
  /** Copies that are still to be taken away. */
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

  // A file that is closed while another takes its place has nothing to do.
  const due = (): boolean => db.open && records.tainted().length > 0;

  const poller = createPoller({
    everyMs: pollMs,
    run: async () => {
      if (gone.size > 0 || due()) await work();
    },
    onError: (err) =>
      logger.warn(
        { reason: messageOf(err) },
        'the engine could not train its inputs again after an erasure; it tries again at the next poll',
      ),
  });
  const poll = (): void => void poller.poll();

  return {
    due,
    poll,
    start: () => {
      poll();
      poller.start();
    },
    stop: poller.stop,
  };
}

/** The same record at whichever position it counts from. */
const identity = ({ trained_at, kind, sha256 }: InputMention): string => `${trained_at}/${kind}/${sha256}`;
