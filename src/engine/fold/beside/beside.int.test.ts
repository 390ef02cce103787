/** A log with all that events tell a model, learned in one thread and in two: the bits are the same. */
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ItemId, UserId } from '../../../bus/event/ids.ts';
import { completeConfig } from '../../../config/load.ts';
import { createRandom } from '../../../demo/random.ts';
import { encodeMap, featureHash, type Model } from '../../model/mod.ts';
import { emptyModel } from '../model-fold.ts';
import { type Beside, learnBeside } from './beside.ts';
import { type EventTarget, record, tell } from './commands.ts';

const engine = { training_judged_events: 60, ranker_dense: 900, ranker_per_s: 1_000, shown_places: 10 };
const config = completeConfig({ engine });
const EVENTS = 5_000;
const USERS = 80;
const ITEMS = 300;
const TAGS = ['sea', 'war', 'poems', 'crime'];
const user = (n: number | string) => `u${n}` as UserId;
const item = (n: number) => `i${n}` as ItemId;

/** An input whose entries follow from a seed; of two, the model keeps one after a comparison. */
function input(seed: number): Buffer {
  const random = createRandom(seed);
  const rank = 4;
  const matrix = (size: number) => Float32Array.from({ length: size }, () => random.next() - 0.5);
  return encodeMap({
    kind: 'content',
    hashes: Uint32Array.from(TAGS, (tag) => featureHash(`=${tag}`)),
    embeddingSize: 0,
    rank,
    hidden: 0,
    item: matrix(TAGS.length * rank),
    user: undefined,
    level: undefined,
    nobody: undefined,
    hiddenIn: matrix(0),
    hiddenBias: matrix(0),
    hiddenOut: matrix(0),
    quality: { reciprocalRank: 0.4, chance: 0.05, questions: 50 },
  });
}
/** Events after which the model adopts the input of a seed. */
const INPUTS: Readonly<Record<number, number>> = { 1700: 3, 2300: 5, 2900: 7, 3500: 11, 4100: 13, 4700: 17 };

/** The event of this number; a position is skipped now and then, as by an erasure. */
function event(model: EventTarget, n: number): void {
  const random = createRandom(n);
  const seq = n * 2 + (n > 3_000 ? 500 : 0);
  const time = n * 90_000;
  model.clock = time;
  const who = user(random.below(USERS));
  const what = item(Math.floor(ITEMS * random.next() * random.next()));
  if (n <= ITEMS) {
    const tags = [TAGS[n % 4] as string, TAGS[(n * 3) % 4] as string];
    model.publishItem(item(n - 1), { title: `No. ${n} about the ${tags[0]}`, tags }, time);
  }
  const kind = random.below(100);
  if (kind < 80)
    model.interact({ user: who, item: what, weight: 16, negative: random.below(9) === 0 ? 16 : 0, time, seq });
  else if (kind < 86) {
    const items = [...new Set(Array.from({ length: 6 }, () => item(random.below(ITEMS))))];
    model.serve({ user: who, list: `l${n}`, items, time, seq });
    if (n % 2 === 0) model.click({ user: who, item: items[1] as ItemId, list: `l${n}`, seq: seq + 1 });
    else model.dismiss({ user: who, item: items[2] as ItemId, list: `l${n}`, seq: seq + 1 });
  } else if (kind < 88) model.link(who, user(`s${random.below(40)}`), seq);
  else if (kind < 92) model.interact({ user: user(`s${random.below(40)}`), item: what, weight: 16, time, seq });
  else if (kind < 94) model.retract(who, Math.max(1, seq - 2 * random.below(80)));
  else if (kind < 96) model.setTraits(who, { favourite_subjects: [TAGS[random.below(4)] as string] });
  else if (kind < 97) model.updateItem(what, { title: `Again ${n}` });
  else if (kind < 98) model.withdrawItem(what);
  else if (kind < 99) model.restoreItem(what);
  else model.interact({ user: who, item: what, weight: 16, time, seq: Math.max(1, seq - 301) });
}

/** Tells the events in batches, and gives the model its inputs between two. */
function fold(model: Model, batch: number, tells: (from: number, to: number) => void): Model {
  for (let from = 1; from <= EVENTS; ) {
    const due =
      Object.keys(INPUTS)
        .map(Number)
        .find((n) => n >= from) ?? EVENTS;
    const to = Math.min(from + batch - 1, due, EVENTS);
    tells(from, to);
    const seed = INPUTS[to];
    if (seed !== undefined) model.adopt({ kind: 'content', bytes: input(seed), seq: to * 2 + 1 });
    from = to + 1;
  }
  return model;
}

const events = (model: EventTarget, from: number, to: number): void => {
  for (let n = from; n <= to; n++) event(model, n);
};

const alone = (): Model => {
  const model = emptyModel(config);
  return fold(model, 100, (from, to) => events(model, from, to));
};

async function two(
  batch: number,
  meanwhile: (beside: Beside, n: number) => void = () => undefined,
  rests?: () => boolean,
) {
  const model = emptyModel(config);
  const beside = learnBeside({ config, model, rests });
  onTestFinished(() => beside.end('the test has ended'));
  await beside.started;
  fold(model, batch, (from, to) => {
    beside.tell(
      record((target) => events(target, from, to)),
      from * 2,
    );
    meanwhile(beside, to);
  });
  return { model, made: beside.made };
}

describe('a model whose ranker learns beside the fold', () => {
  const expected = alone().exportState();

  it('has seen what the test is about', () => {
    const model = alone();
    expect(model.stats().ranker.steps).toBeGreaterThan(1_500);
    expect(model.stats().impressions).toBeGreaterThan(0);
    expect(model.inputsInForce().version).toBeGreaterThan(2);
  });

  it.each([40, 700, EVENTS])('has the bits of one thread, in batches of %i', async (batch) => {
    const { model, made } = await two(batch);
    expect(made).toBeGreaterThan(20);
    expect(model.exportState().equals(expected)).toBe(true);
  });

  it('has them if the fold tells the thread single events later, all at once', async () => {
    const { model, made } = await two(1);
    expect(made).toBe(0);
    expect(model.exportState().equals(expected)).toBe(true);
  });

  it('has them if the thread rests now and then, as callers need the processor', async () => {
    let batches = 0;
    const { model, made } = await two(100, undefined, () => ++batches % 2 === 0);
    expect(made).toBeGreaterThan(0);
    expect(model.exportState().equals(expected)).toBe(true);
  });

  it('has them if the thread ends on the way', async () => {
    const { model } = await two(100, (beside, n) => {
      if (n >= 3_000) beside.end('the test ends it');
    });
    expect(model.exportState().equals(expected)).toBe(true);
  });

  it('ends the thread once the model is too large for two', async () => {
    const model = emptyModel(config);
    const beside = learnBeside({ config: completeConfig({ engine: { ...engine, learn_beside_mib: 1 } }), model });
    fold(model, 500, (from, to) =>
      beside.tell(
        record((target) => events(target, from, to)),
        from * 2,
      ),
    );
    expect(beside.isOpen).toBe(false);
    expect(model.exportState().equals(expected)).toBe(true);
  });
});

it('tells a model what was written down, and the time of an event that says nothing', () => {
  const [told, same] = [emptyModel(config), emptyModel(config)];
  const teller = (target: EventTarget): void => {
    events(target, 1, 50);
    target.clock = 90_000_000;
  };
  teller(told);
  tell(same, record(teller));
  expect(same.exportState().equals(told.exportState())).toBe(true);
  expect(same.clock).toBe(90_000_000);
});
