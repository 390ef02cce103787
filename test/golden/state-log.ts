/**
 * The golden log: the golden events, then a generated part with every case that a projection must
 * handle. Ids, times and bytes are fixed: the generator is seeded and counts in whole numbers only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createCodec, type EventCodec, type StoredMessage } from '../../src/bus/event/codec.ts';
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import { parseEventSubject } from '../../src/bus/event/subject.ts';

/** Verbs that the golden configuration declares. */
export const DECLARED = ['x_declared', 'x_listened'];

/** Key of the HMACs by which the log's records of erasures name users. */
export const KEY = Buffer.from('a key of tests');

export const codec: EventCodec = createCodec({ declared: DECLARED });

const GENERATED = 1_500;
const SEED = 20_261_201;
/** Time at which the log stores its first message: 2026-12-01. */
const START = Date.UTC(2026, 11, 1);
const MINUTE = 60_000;
const DAY = 86_400_000;

const FOLDER = new URL('./events/', import.meta.url);

interface Written {
  id: string;
  type: string;
  subject: string;
  time?: string;
  data: Record<string, unknown>;
}

/** Seeded whole numbers: mulberry32 (Tommy Ettinger 2017, public domain). */
function createDice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** The messages of the golden log, in order; `purged`: without the messages that its erasures remove. */
export function goldenLog({ purged = false } = {}): StoredMessage[] {
  const messages: StoredMessage[] = [];
  const dice = createDice(SEED);
  const pick = <T>(from: readonly T[]): T => from[dice(from.length)] as T;
  const chance = (percent: number): boolean => dice(100) < percent;
  let now = START;

  const put = (subject: string, payload: string | Uint8Array): void => {
    messages.push({
      seq: streamSeq(messages.length + 1),
      subject,
      payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
      timestamp: now,
    });
  };
  const prepared = (event: object): { subject: string; payload: Uint8Array } => {
    const result = codec.prepare(event, { control: true });
    if (!result.ok) throw new Error(`${result.problem.code}: ${result.problem.message}`);
    return result.prepared;
  };
  const putEvent = (event: object): void => {
    const { subject, payload } = prepared(event);
    put(subject, payload);
  };

  for (const name of readdirSync(FOLDER).sort())
    for (const line of readFileSync(new URL(name, FOLDER), 'utf8').trimEnd().split('\n')) {
      now += MINUTE;
      // Ids of the golden events are unique within a file only.
      putEvent({ ...(JSON.parse(line) as object), source: `golden-${name.replace(/\.jsonl$/, '')}` });
    }

  const users = ['u 4.2>', 'Zoë', '*', ...Array.from({ length: 37 }, (_, i) => `u${i}`)];
  const sessions = Array.from({ length: 24 }, (_, i) => `s${i}`);
  const items = ['Ünder *', ...Array.from({ length: 109 }, (_, i) => `i${i}`)];
  const tags = ['sea', 'war', 'novel', 'letters', 'travel', 'night', 'été'];
  const verbs = ['viewed', 'viewed', 'viewed', 'played', 'added', 'purchased', 'rated', 'x_listened', 'x_declared'];
  /** Events that a retraction, a duplicate or a re-used identity may refer to. */
  const written: Written[] = [];
  /** Served lists: id, user and items. */
  const lists: { list: string; user: string; items: string[] }[] = [];
  const experiments: string[] = [];
  const erasures: { user: string; fence: number }[] = [];
  let ids = 0;

  /** Most events happened shortly before the log stored them; some long before, some in the future, some in 1970. */
  const timed = (): { time?: string } => {
    const kind = dice(40);
    if (kind === 0) return {};
    const time =
      kind === 1 ? now + 3 * DAY : kind === 2 ? 1_000 + dice(1_000) : kind === 3 ? now - dice(40) * DAY : now;
    return { time: new Date(time - dice(5_000)).toISOString() };
  };
  const write = (type: string, subject: string, data: Record<string, unknown>): void => {
    const event: Written = { id: `g${++ids}`, type, subject, ...timed(), data };
    written.push(event);
    putEvent({ specversion: '1.0', source: 'generated', ...event });
  };
  const someone = (): string => (chance(25) ? pick(sessions) : pick(users));
  /** Users take items with close numbers together, and many users take the first items. */
  const itemFor = (user: string): string => {
    const taste = (users.indexOf(user) + sessions.indexOf(user) + 2) * 7;
    return items[chance(60) ? (taste + dice(12)) % items.length : dice(1 + dice(items.length))] as string;
  };
  const someTags = (): string[] => [...new Set(Array.from({ length: 1 + dice(3) }, () => pick(tags)))];
  const fields = (): Record<string, unknown> => ({
    ...(chance(80) ? { tags: someTags() } : {}),
    ...(chance(40) ? { description: `Of ${pick(tags)} and ${pick(tags)}, volume ${dice(9)}.` } : {}),
    ...(chance(50)
      ? { attributes: { author: `A${dice(12)}`, year: 1900 + dice(120), free: chance(50), places: someTags() } }
      : {}),
    ...(chance(60) ? { published: `${1950 + dice(77)}-0${1 + dice(9)}-1${dice(10)}T00:00:00Z` } : {}),
    ...(chance(20) ? { embedding: Array.from({ length: 4 }, () => (dice(2_001) - 1_000) / 1_000) } : {}),
  });
  const traits = (): Record<string, unknown> => ({
    ...(chance(60) ? { age: 18 + dice(60) } : {}),
    ...(chance(60) ? { country: pick(['NL', 'DE', 'FR']) } : {}),
    ...(chance(30) ? { member: chance(50) } : {}),
    ...(chance(30) ? { likes: someTags() } : {}),
  });

  function interact(): void {
    const user = someone();
    const verb = pick(verbs);
    const list = chance(15) ? lists.findLast((one) => one.user === user) : undefined;
    write(`user.${verb}.v1`, user, {
      item: list?.items[0] ?? itemFor(user),
      ...(verb === 'rated' ? { value: 1 + dice(9) / 2 } : chance(20) ? { value: dice(600) } : {}),
      ...(list ? { list: list.list } : {}),
      ...(chance(20) ? { context: { device: pick(['phone', 'desk']), hour: dice(24) } } : {}),
    });
  }
  function serve(): void {
    const user = someone();
    const list = `l${lists.length}`;
    const shown = [...new Set(Array.from({ length: 2 + dice(9) }, () => itemFor(user)))];
    const entries = shown.map((item, i) => ({
      item,
      score: shown.length - i,
      ...(chance(30) ? { propensity: 1 / (1 + dice(4)), explored: chance(50) } : {}),
    }));
    const arm = experiments.length > 0 && chance(60) ? `${pick(experiments)}:${pick(['plain', 'other'])}` : 'main';
    lists.push({ list, user, items: shown });
    write('feedback.served.v1', user, { list, items: entries, snapshot: 'model-1', config: 'c1', arm });
  }
  function react(): void {
    const shown = lists[lists.length - 1 - dice(Math.min(12, lists.length))];
    if (!shown) {
      interact();
      return;
    }
    const position = dice(shown.items.length);
    const where = chance(80) ? { list: shown.list, position } : {};
    write(`feedback.${chance(70) ? 'clicked' : 'dismissed'}.v1`, shown.user, { item: shown.items[position], ...where });
  }
  function update(): void {
    write('user.updated.v1', someone(), { traits: traits() });
  }
  /** Links mostly a session without a user; sometimes a session of another user, or a user to another user. */
  function link(): void {
    write('user.linked.v1', chance(85) ? pick(users) : someone(), { session: pick(chance(90) ? sessions : users) });
  }
  function retract(): void {
    const one = written[written.length - 1 - dice(Math.min(400, written.length))] as Written;
    // Mostly the user's own event, sometimes one of another user, or an event that the log does not hold.
    const of = chance(85) && !one.type.startsWith('content.') ? one.subject : someone();
    write('user.retracted.v1', of, { source: 'generated', id: chance(95) ? one.id : `none${ids}` });
  }
  function changeItem(): void {
    const item = pick(items);
    const kind = dice(8);
    const gone = chance(30) ? { tags: null, attributes: { year: null, author: 'B. Writer' } } : {};
    if (kind === 0) write('content.withdrawn.v1', item, chance(50) ? { reason: 'sold out' } : {});
    else if (kind === 1) write('content.restored.v1', item, {});
    else if (kind < 4) write('content.published.v1', item, { title: `New title of ${item}`, ...fields() });
    else write('content.updated.v1', item, { ...fields(), ...gone });
  }
  function control(): void {
    const experiment = `x${dice(3)}`;
    const kind = dice(4);
    const act = `act-${ids}`;
    if (kind === 0) {
      experiments.push(experiment);
      const arms = [
        { arm: 'plain', share: 0.5, config: '{}' },
        { arm: 'other', share: 0.5, config: '{"engine":{"ranker_rate":0.01}}' },
      ];
      write('control.experiment_started.v1', act, { experiment, arms });
    } else if (kind === 1) write('control.experiment_ended.v1', act, { experiment, reason: 'enough' });
    else write(`control.${pick(['promoted', 'rolled_back'])}.v1`, act, { snapshot: `model-${dice(3)}`, config: 'c1' });
  }
  /** Forgets a user, whose messages stay in the log here; some users come back afterwards. */
  function erase(): void {
    putErasure(someone(), messages.length);
  }
  function putErasure(user: string, fence: number): void {
    const id = `erasure${messages.length}`;
    erasures.push({ user, fence });
    const data = { hmac: erasureHmac(KEY, user), fence };
    putEvent({ specversion: '1.0', id, source: 'generated', type: 'control.erased.v1', subject: id, data });
  }
  function spoil(): void {
    const user = someone();
    const whole = { specversion: '1.0', id: `bad${messages.length}`, source: 'generated', subject: user };
    const good = { ...whole, type: 'user.viewed.v1', data: { item: 'i1' } };
    const { subject } = prepared(good);
    const bad: readonly (string | Uint8Array | object)[] = [
      'no JSON',
      Uint8Array.of(0x7b, 0xff, 0x7d),
      { ...good, data: { item: 7 } },
      { ...good, data: { item: 'i1\u0000' } },
      { ...good, subject: 'u0x' },
      { ...good, specversion: '0.3' },
      { ...good, type: 'user.x_unheard.v1' },
    ];
    const one = pick(bad);
    put(subject, typeof one === 'string' || one instanceof Uint8Array ? one : JSON.stringify(one));
  }
  function repeat(): void {
    const one = written[written.length - 1 - dice(Math.min(300, written.length))] as Written;
    const event = { specversion: '1.0', source: 'generated', ...one };
    if (chance(65) || !('item' in one.data)) putEvent(event);
    // The same identity with other contents: by the same user, or by another one.
    else
      putEvent({ ...event, subject: chance(50) ? one.subject : someone(), data: { ...one.data, item: pick(items) } });
  }

  for (const item of items.slice(0, 70)) {
    now += dice(MINUTE);
    write('content.published.v1', item, { title: `Title of ${item}`, ...fields() });
  }
  for (const user of users) {
    now += dice(MINUTE);
    if (chance(70)) write('user.registered.v1', user, chance(80) ? { traits: traits() } : {});
  }
  const kinds: readonly [percent: number, happens: () => void][] = [
    [52, interact],
    [10, serve],
    [12, react],
    [3, update],
    [4, link],
    [5, retract],
    [4, changeItem],
    [2, control],
    [1, erase],
    [3, spoil],
    [4, repeat],
  ];
  const golden = messages.length;
  while (messages.length < golden + GENERATED) {
    now += dice(200) === 0 ? 2 * DAY : 1 + dice(20 * MINUTE);
    let left = dice(100);
    for (const [percent, happens] of kinds) {
      left -= percent;
      if (left >= 0) continue;
      happens();
      break;
    }
  }

  // Versions of Unicode disagree about these: letters and marks that are newer than 15.0, and a sigma after a letter that
  // has lost its case (decision 0029). The subjects are in NFC by 15.0, and not by 17.0.
  const disputed = ['\u{105d2}\u0307', 'a\u{1acf}\u0323'];
  for (const [i, item] of disputed.entries()) {
    now += MINUTE;
    write('content.published.v1', item, {
      title: `Sea\u{1c89}Wolf ΑΒ\u0295Σ ΟΔΟΣ \u{16ea0}\u{16ea1}\u{16ea2} ${i}`,
      tags: ['TJE \u{1c89}', `${item} sea`],
      attributes: { '\u{1c89}': true },
    });
    write('user.registered.v1', `${item}u`, { traits: { likes: ['TJE \u{1c89}'] } });
    for (const user of users.slice(0, 4)) write('user.viewed.v1', user, { item });
    write('user.viewed.v1', `${item}u`, { item });
  }
  // An id that no version has in NFC.
  const last = { specversion: '1.0', source: 'generated', ...written.at(-1) };
  put(prepared(last).subject, JSON.stringify({ ...last, id: '\u{1c89}e\u0301' }));

  // The log has lost the messages that this record covers, as after a purge: its sequences have gaps.
  const fence = golden + 900;
  putErasure('u5', fence);
  const gone = purged ? erasures : [{ user: 'u5', fence }];
  return messages.filter(({ seq, subject }) => {
    const of = parseEventSubject(subject);
    if (of?.context !== 'user' && of?.context !== 'feedback') return true;
    return !gone.some(({ user, fence }) => user === of.entity && seq <= fence);
  });
}
