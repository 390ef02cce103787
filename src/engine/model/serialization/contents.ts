/**
 * All that a model holds as tables with keys, so that of two models the first value that differs can be named: what
 * events said, what they add up to, and what was learned in their order. Rows come in the order of their keys.
 */
import { createHash } from 'node:crypto';
import { type ItemId, type UserId, userId } from '../../../bus/event/ids.ts';
import { CONTENDERS } from '../learn/prequential.ts';
import { ByteReader } from '../primitives/bytes.ts';
import { bucketOf, STATISTICS_DEFAULTS } from '../state/statistics.ts';
import type { CountedPart } from './counted-rows.ts';
import { decodeAdopted } from './inputs-section.ts';
import { decodeLearned } from './ranker-section.ts';
import { SECTION } from './sections.ts';
import { type DecodedState, decodeState } from './state-bytes.ts';

/** In the order in which they are compared: what others follow from comes first. */
export const CONTENTS = [
  'item',
  'user',
  'link',
  'event',
  'dismissal',
  'item_count',
  'item_time',
  'pair',
  'dismissed',
  'posting',
  'total',
  'shown',
  'input',
  'quality',
  'ranker',
] as const;
export type ModelTable = (typeof CONTENTS)[number];

export type Cell = string | number | null;

export interface Contents {
  table: ModelTable;
  /** Columns of the key. */
  key: readonly string[];
  /** The others. */
  columns: readonly string[];
  /** Cells of the key first. */
  rows: Iterable<readonly Cell[]>;
}

/** By table: columns of the key, and the others. Weights in sixteenths, times in milliseconds since 1970. */
const SHAPES: Readonly<Record<ModelTable, readonly [key: readonly string[], columns: readonly string[]]>> = {
  item: [['item'], ['published', 'withdrawn', 'listed', 'fields']],
  user: [['user'], ['traits']],
  link: [['seq'], ['session', 'user']],
  event: [
    ['user', 'seq'],
    ['item', 'weight', 'negative', 'time'],
  ],
  dismissal: [['seq', 'user'], ['item']],
  item_count: [['item'], ['weight', 'negative']],
  item_time: [
    ['item', 'bucket'],
    ['weight', 'negative'],
  ],
  pair: [
    ['item', 'other'],
    ['after', 'before', 'together'],
  ],
  dismissed: [['item'], ['dismissals']],
  posting: [['item', 'seq', 'user'], ['place']],
  total: [['what'], ['value']],
  shown: [
    ['seq', 'user', 'list'],
    ['events', 'strength', 'items', 'features'],
  ],
  input: [['kind', 'what'], ['value']],
  quality: [['part', 'at'], ['value']],
  ranker: [['part', 'at'], ['value']],
};

const COUNTED: ReadonlySet<string> = new Set<CountedPart>([
  'item_count',
  'item_time',
  'pair',
  'dismissed',
  'posting',
  'total',
]);

/** What is read of a model. */
export interface ReadableModel {
  users(): string[];
  history(user: UserId, n: number): { item: ItemId; time: number; seq: number }[];
  counted(part: CountedPart): Iterable<readonly (string | number)[]>;
  exportState(): Buffer;
}

/** One table of a model, as it is at this moment. */
export function contentsOf(model: ReadableModel, table: ModelTable): Contents {
  const [key, columns] = SHAPES[table];
  const rows = COUNTED.has(table)
    ? model.counted(table as CountedPart)
    : rowsOf(table, decodeState(model.exportState()));
  return { table, key, columns, rows };
}

function rowsOf(table: ModelTable, state: DecodedState): Iterable<readonly Cell[]> {
  switch (table) {
    case 'item':
      return state.items.map(({ id, published, withdrawn, listed, fields }) => [
        id,
        Number(published),
        Number(withdrawn),
        listed,
        fields === undefined ? null : JSON.stringify(fields),
      ]);
    case 'user':
      return state.users.map(({ id, traits }) => [id, traits === undefined ? null : JSON.stringify(traits)]);
    case 'link':
      return inOrder(
        state.links.map(({ session, user, seq }) => [seq, userOf(state, session), userOf(state, user)]),
        1,
      );
    case 'event':
      return eventRows(state);
    case 'dismissal':
      return dismissalRows(state);
    case 'shown':
      return shownRows(state);
    case 'input':
      return inOrder(inputRows(state), 2);
    case 'quality':
      return inOrder(qualityRows(state), 2);
    default:
      return inOrder(rankerRows(state), 2);
  }
}

/** By their keys, numbers by value and texts by code units. */
function inOrder(rows: Iterable<Cell[]>, key: number): Cell[][] {
  return [...rows].sort((a, b) => {
    for (let at = 0; at < key; at++) if (a[at] !== b[at]) return a[at]! < b[at]! ? -1 : 1;
    return 0;
  });
}

const userOf = ({ users }: DecodedState, place: number): string => users[place]?.id ?? '';
const itemOf = ({ items }: DecodedState, place: number): string => items[place]?.id ?? '';
const sectionOf = ({ sections }: DecodedState, wanted: string): Buffer | undefined =>
  sections.find(({ name }) => name === wanted)?.bytes;

function* eventRows(state: DecodedState): Generator<Cell[]> {
  const { users, items, weights, negatives, times, seqs } = state.events;
  for (let at = 0; at < users.length; at++)
    yield [userOf(state, users[at]!), seqs[at]!, itemOf(state, items[at]!), weights[at]!, negatives[at]!, times[at]!];
}

function* dismissalRows(state: DecodedState): Generator<Cell[]> {
  const bytes = sectionOf(state, SECTION.dismissals);
  if (bytes === undefined) return;
  const input = new ByteReader(bytes);
  for (let left = input.count(); left > 0; left--) {
    const [item, seq, origin] = [input.count(), input.count(), input.count()];
    yield [seq, userOf(state, origin), itemOf(state, item)];
  }
}

function* shownRows(state: DecodedState): Generator<Cell[]> {
  const bytes = sectionOf(state, SECTION.impressions);
  if (bytes === undefined) return;
  const input = new ByteReader(bytes);
  for (let left = input.count(); left > 0; left--) {
    const list = input.text();
    const user = userOf(state, input.count());
    const [seq, events] = [input.count(), input.count()];
    const strength = input.f64s()[0]!;
    const items = Array.from({ length: input.count() }, () => itemOf(state, input.count()));
    const features = createHash('sha256').update(input.f32s()).digest('hex');
    yield [seq, user, list, events, strength, JSON.stringify(items), `SHA-256 ${features}`];
  }
}

function* inputRows(state: DecodedState): Generator<Cell[]> {
  const sha256 = (bytes: Uint8Array | undefined): Cell =>
    bytes === undefined ? null : `SHA-256 ${createHash('sha256').update(bytes).digest('hex')}`;
  for (const { kind, inForce, challenger, comparison } of decodeAdopted(
    sectionOf(state, SECTION.inputs) ?? Buffer.alloc(0),
  )) {
    yield [kind, 'challenger', sha256(challenger)];
    yield [kind, 'in force', sha256(inForce)];
    for (const [what, value] of Object.entries(comparison).sort(([a], [b]) => (a < b ? -1 : 1)))
      yield [kind, `judged ${what}`, value as number];
  }
}

function* qualityRows(state: DecodedState): Generator<Cell[]> {
  const bytes = sectionOf(state, SECTION.prequential);
  if (bytes === undefined) return;
  const head = 24;
  for (const [at, contender] of CONTENDERS.entries())
    for (let event = 0; head + event * CONTENDERS.length < bytes.length; event++)
      yield [contender, event, bytes[head + event * CONTENDERS.length + at]!];
  for (const [at, part] of ['scored', 'window', 'window_long'].entries()) yield [part, 0, bytes.readDoubleLE(at * 8)];
}

function* rankerRows(state: DecodedState): Generator<Cell[]> {
  const bytes = sectionOf(state, SECTION.ranker);
  if (bytes === undefined || bytes.length === 0) return;
  yield ['stale', 0, bytes[0]!];
  const { budget, ranker } = decodeLearned(bytes);
  for (const [at, part] of ['budget_tokens', 'budget_time'].entries()) yield [part, 0, budget[at]!];
  if (ranker.length === 0) return;
  const input = new ByteReader(ranker);
  for (const part of ['weights', 'weights_served', 'adam_first', 'adam_second', 'adam_powers', 'usual', 'usual_lists'])
    for (const [at, value] of input.f64s().entries()) yield [part, at, value];
  yield ['steps', 0, input.count()];
  yield ['effort', 0, input.count()];
}

/** Which events a value comes from. */
export interface Touched {
  /** Sequences of the events that the value comes from, in order. */
  seqs: number[];
  /** The value comes from more than can be named: all that was learned from. */
  learned: boolean;
}

/**
 * The events of a model's histories that a row comes from.
 *
 * @param bucketMs width of a bucket of event time
 */
export function touching(
  model: ReadableModel,
  table: ModelTable,
  key: Readonly<Record<string, Cell>>,
  bucketMs: number,
): Touched {
  if (typeof key.seq === 'number') return { seqs: [key.seq], learned: false };
  if (table === 'item' || table === 'user') return { seqs: [], learned: false };
  if (!['item_count', 'item_time', 'pair', 'dismissed'].includes(table)) return { seqs: [], learned: true };
  const state = decodeState(model.exportState());
  if (table === 'dismissed') {
    const rows = [...dismissalRows(state)].filter(([, , item]) => item === key.item);
    return { seqs: rows.map(([seq]) => seq as number), learned: false };
  }
  const back = STATISTICS_DEFAULTS.coOccurrenceReach;
  const found: number[] = [];
  for (const id of model.users()) {
    // Of a session that was linked it is the user's history that counts.
    const history = model.history(userId(id), Number.MAX_SAFE_INTEGER).reverse();
    for (const [place, { item, seq, time }] of history.entries()) {
      if (table === 'pair') {
        const wanted = item === key.item ? key.other : item === key.other ? key.item : undefined;
        if (wanted === undefined) continue;
        if (history.slice(Math.max(0, place - back), place).some((before) => before.item === wanted)) found.push(seq);
      } else if (item === key.item && (table === 'item_count' || bucketOf(time, bucketMs) === key.bucket))
        found.push(seq);
    }
  }
  return { seqs: [...new Set(found)].sort((a, b) => a - b), learned: false };
}
