/**
 * Users whom the erasures of a batch forget. The record of an erasure names a user by an HMAC; the projection finds the id
 * while it folds the record, and effects need it once the record is committed.
 */
import type { StreamSeq } from '../../bus/event/ids.ts';
import type { Effect } from '../../bus/projection/after-commit.ts';

export interface ForgottenUsers {
  /** The record at this position forgets a user; called within the transaction, perhaps more than once. */
  note(user: string, record: number): void;
  /** Position of the newest record that forgets a user and is not cleared; 0: no record. */
  forgottenAt(user: string): number;
  users(): Iterable<string>;
  /** The user whom the record at a position forgets; undefined: the rows did not know the user. */
  userAt(record: number): string | undefined;
  /** Clears the ids once all effects before it have seen them: it comes last. */
  effect: Effect;
}

export function createForgottenUsers(): ForgottenUsers {
  const records = new Map<string, number>();
  const clear = (upTo: StreamSeq): void => {
    for (const [user, record] of records) if (record <= upTo) records.delete(user);
  };
  return {
    note: (user, record) => void records.set(user, record),
    forgottenAt: (user) => records.get(user) ?? 0,
    users: () => records.keys(),
    userAt: (record) => [...records].find(([, at]) => at === record)?.[0],
    effect: {
      name: 'forgotten users',
      afterCommit: ({ seq }) => clear(seq),
      derive: () => {},
    },
  };
}
