/** A projection that folded a user and forgot them, beside one whose log never held them. */
import { join } from 'node:path';
import fc from 'fast-check';
import type { StoredMessage } from '../../src/bus/event/codec.ts';
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { parseEventSubject } from '../../src/bus/event/subject.ts';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { hashProjection, type ProjectionHash } from '../../src/bus/projection/hash.ts';
import { prepareMentions } from '../../src/bus/projection/mentions.ts';
import { openStore, type ProjectionStore } from '../../src/bus/projection/store.ts';
import {
  clicked,
  codec,
  dismissed,
  event,
  linked,
  purchased,
  registered,
  retracted,
  served,
  stored,
  type TestEvent,
  updated,
  viewed,
} from './events.ts';
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

export interface SlicedFold {
  store: ProjectionStore;
  /** Number of slices after the batch of a record. */
  sliced: number;
}

export interface SlicedFoldOptions<Tables> {
  definition: () => ProjectionDefinition<Tables>;
  messages: readonly StoredMessage[];
  /** Most events of erasures in one transaction. */
  eraseEvents?: number;
  /** Messages in a batch. */
  batch?: number;
  /** Slices after each batch; they repeat. The rest comes at the end. */
  slices?: readonly number[];
  /** Whether the process ends after each batch, so that the next one opens the file again; they repeat. */
  kills?: readonly boolean[];
}

/** Folds messages in batches, with slices of erasures between them. */
export function foldInSlices<Tables>(options: SlicedFoldOptions<Tables>): SlicedFold {
  const { definition, messages, eraseEvents, batch = messages.length, slices = [0], kills = [false] } = options;
  const file = join(tempDir('slices'), 'p.sqlite');
  const open = (): ProjectionStore =>
    openStore({ file, definition: definition(), codec, cacheKib: 1_024, erasureKey: KEY, eraseEvents });
  let store = open();
  let sliced = 0;
  const slice = (): void => {
    store.eraseSlice();
    sliced++;
  };
  for (let from = 0, n = 0; from < messages.length; from += batch, n++) {
    store.commit(messages.slice(from, from + batch), 'now');
    for (let left = slices[n % slices.length] ?? 0; left > 0 && store.erasing(); left--) slice();
    if (!kills[n % kills.length]) continue;
    store.close();
    store = open();
  }
  while (store.erasing()) slice();
  return { store, sliced };
}

/** The messages without those that an erasure among them removes. */
export function purgedOf(messages: readonly StoredMessage[]): StoredMessage[] {
  const fences = new Map<string, number>();
  for (const { seq, subject, payload } of messages) {
    if (!subject.endsWith('.erased')) continue;
    const { hmac } = (JSON.parse(Buffer.from(payload).toString('utf8')) as { data: { hmac: string } }).data;
    fences.set(hmac, seq);
  }
  return messages.filter(({ seq, subject }) => {
    const { context, entity } = parseEventSubject(subject) ?? { context: '', entity: '' };
    if (context !== 'user' && context !== 'feedback') return true;
    return seq > (fences.get(erasureHmac(KEY, entity)) ?? 0);
  });
}

const ITEMS = ['a', 'b', 'c'];
const USERS = ['u1', 'u2', 'ü 3', 's1', 's2'];

/** Events of users and sessions, and erasures among them. Identities and lists are few, so that events share them. */
export const erasureHistory: fc.Arbitrary<TestEvent[]> = fc.array(
  fc
    .record({
      kind: fc.integer({ min: 0, max: 13 }),
      user: fc.constantFrom(...USERS),
      other: fc.constantFrom(...USERS),
      item: fc.constantFrom(...ITEMS),
      id: fc.integer({ min: 0, max: 30 }),
      n: fc.uuid(),
    })
    .map(({ kind, user, other, item, id, n }): TestEvent => {
      switch (kind) {
        case 0:
          return registered(user, { n: id });
        case 1:
          return updated(user, { m: id });
        case 2:
          return linked(user, other);
        case 3:
          return retracted(user, { id: `x${id}` });
        case 4:
          return served(user, `list${id % 6}`, ITEMS);
        case 5:
          return clicked(user, item, id % 2 ? { list: `list${id % 6}` } : {});
        case 6:
          return purchased(user, item, { list: `list${id % 6}` });
        case 7:
          return dismissed(user, item);
        case 8:
        case 9:
          return event('control.erased.v1', `act-${n}`, {
            hmac: erasureHmac(KEY, user),
            fence: Number.MAX_SAFE_INTEGER,
          });
        default:
          return viewed(user, item, { id: `x${id}` });
      }
    }),
  { minLength: 15, maxLength: 60, size: 'max' },
);
