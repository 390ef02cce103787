/**
 * Views of made-up ids, a new item and a new user each, into the model of the engine; then a catalogue is published. The
 * model must have room for it, serve it, and count what it refused.
 */
import { itemId, streamSeq, userId } from '../../src/bus/event/ids.ts';
import { completeConfig } from '../../src/config/load.ts';
import { emptyModel } from '../../src/engine/fold/model-fold.ts';
import { createLists } from '../../src/engine/serve/lists.ts';

export interface MadeUpIdsOptions {
  views: number;
  /** Users; left out: a new one for each view. */
  users?: number;
  /** Items that the application publishes afterwards. */
  published: number;
  /** Gets the figures of each tenth. */
  tenth?: (figures: Tenth) => void;
}

export interface Tenth {
  views: number;
  /** Processor time of this tenth, microseconds per view. */
  usPerView: number;
  residentBytes: number;
}

export interface MadeUpIdsResult {
  items: number;
  /** Events that the model refused because no number was left. */
  refused: number;
  /** Items of the catalogue in a list of all items of the catalogue, for a new user. */
  served: number;
  /** Items in that list that nobody published. */
  unpublished: number;
  /** Milliseconds of a list of ten, the median of several. */
  listMs: number;
}

/** Lists whose time is measured. */
const LISTS = 11;
const START = Date.UTC(2026, 0, 1);
const madeUp = (n: number) => itemId(`made-up-${n}`);
const published = (n: number) => itemId(`published-${n}`);

export function viewMadeUpIds({ views, users, published: count, tenth }: MadeUpIdsOptions): MadeUpIdsResult {
  const model = emptyModel(completeConfig({}));
  const step = Math.max(1, Math.ceil(views / 10));
  let used = process.cpuUsage();
  for (let n = 1; n <= views; n++) {
    const time = START + n * 10;
    model.clock = time;
    model.interact({ user: userId(`u${users ? n % users : n}`), item: madeUp(n), weight: 16, time, seq: n });
    if (n % step !== 0 && n !== views) continue;
    const { user, system } = process.cpuUsage(used);
    const done = n % step === 0 ? step : n % step;
    tenth?.({ views: n, usPerView: (user + system) / done, residentBytes: process.memoryUsage.rss() });
    used = process.cpuUsage();
  }
  for (let n = 0; n < count; n++) model.publishItem(published(n), { title: `Published ${n}` }, START);
  const seq = streamSeq(views + count);
  const lists = createLists({
    model,
    seq: () => seq,
    snapshot: () => 's',
    config: 'c',
    length: 50,
    capacity: 0,
    depth: count,
  });
  const request = { exclude: [], explain: false, includeSeen: false, maxAgeMs: 0, minSeq: 0, cursor: undefined };
  const { items } = lists.recommend({ ...request, user: 'new', n: count });
  const isPublished = ({ item }: { item: string }): boolean => item.startsWith('published-');
  const times = Array.from({ length: LISTS }, () => {
    const started = performance.now();
    lists.recommend({ ...request, user: 'new', n: 10 });
    return performance.now() - started;
  });
  return {
    items: model.stats().items,
    refused: model.warnings()['too-many-items'],
    served: items.filter(isPublished).length,
    unpublished: items.filter((one) => !isPublished(one)).length,
    listMs: times.sort((a, b) => a - b)[LISTS >> 1] as number,
  };
}
