/** Which of the folded messages a projection applied, for a state in memory that folds them later. */
import type { Database as Db } from 'better-sqlite3';
import type { EventCodec, LoggedEvent, StoredMessage } from '../event/codec.ts';
import type { StreamSeq } from '../event/ids.ts';
import { IDENTITY_SEQ } from './erasing.ts';

/** Finds out by the rows which events of folded messages the store applied. */
export function appliedOf(db: Db, codec: EventCodec): (messages: readonly StoredMessage[]) => LoggedEvent[] {
  const readIdentity = db.prepare<[string], { seq: StreamSeq }>(IDENTITY_SEQ);
  const readDead = db.prepare<[number], { seq: StreamSeq }>('SELECT seq FROM dead_letter WHERE seq = ?');
  return (messages) => {
    const events: LoggedEvent[] = [];
    for (const message of messages) {
      const decoded = codec.decode(message);
      if (decoded.kind !== 'event') continue;
      // A repeated event, a re-used identity or a dead letter changed nothing the first time either.
      if (readIdentity.get(decoded.event.identity)?.seq !== message.seq || readDead.get(message.seq)) continue;
      events.push(decoded.event);
    }
    return events;
  };
}
