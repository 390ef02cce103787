/** A projection that folded a user and forgot them, beside one whose log never held them. */
import { join } from 'node:path';
import type { StoredMessage } from '../../src/bus/event/codec.ts';
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { parseEventSubject } from '../../src/bus/event/subject.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { hashProjection, type ProjectionHash } from '../../src/bus/projection/hash.ts';
import { prepareMentions } from '../../src/bus/projection/mentions.ts';
import { openStore, type ProjectionStore } from '../../src/bus/projection/store.ts';
import { codec, event, stored, type TestEvent } from './events.ts';
import { tempDir } from './tempdir.ts';

export const KEY = Buffer.from('a key of tests');

/** The record that forgets an id. By default it covers all messages before it. */
export const forgotten = (user: string, fence = Number.MAX_SAFE_INTEGER): TestEvent =>
  event('control.erased.v1', `act-${user}`, { hmac: erasureHmac(KEY, user), fence });

/** The record that removes messages which named a forgotten id. */
export const removed = (sequences: readonly number[]): TestEvent =>
  event('control.removed.v1', `act-m${sequences.join('-')}`, { sequences });

export interface Forgetting {
  /** This one folded everything, then the records. */
  live: ProjectionStore;
  /** This one folded the purged log. */
  purged: ProjectionStore;
  /** The purged log. */
  kept: readonly StoredMessage[];
  hashes: { live: ProjectionHash; purged: ProjectionHash };
}

/** Folds a history, then forgets these ids, one record after the other, and removes the messages that name them. */
export function forgetting<Tables>(
  definition: () => ProjectionDefinition<Tables>,
  history: readonly TestEvent[],
  ids: readonly string[],
): Forgetting {
  const messages = stored([...history, ...ids.map((id) => forgotten(id))]);
  const live = foldAll(definition(), messages);
  const mentions = prepareMentions(live.db);
  const sequences = ids.flatMap((id, n) => mentions.of(id, history.length + n + 1).map(({ seq }) => seq));
  const last = sequences.length > 0 ? stored([removed([...new Set(sequences)])], messages.length + 1) : [];
  live.commit(last, 'now');
  const kept = [...messages, ...last].filter(({ subject, seq }) => !isOf(subject, ids) && !sequences.includes(seq));
  const purged = foldAll(definition(), kept);
  return { live, purged, kept, hashes: { live: hashProjection(live.db), purged: hashProjection(purged.db) } };
}

function isOf(subject: string, ids: readonly string[]): boolean {
  const { context, entity } = parseEventSubject(subject) ?? { context: '', entity: '' };
  return (context === 'user' || context === 'feedback') && ids.includes(entity);
}

function foldAll<Tables>(
  definition: ProjectionDefinition<Tables>,
  messages: readonly StoredMessage[],
): ProjectionStore {
  const file = join(tempDir('forgetting'), 'p.sqlite');
  const store = openStore({ file, definition, codec, cacheKib: 1_024, erasureKey: KEY });
  store.commit(messages, 'now');
  return store;
}
