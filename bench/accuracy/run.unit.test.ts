import { expect, onTestFinished, test } from 'vitest';
import { createRandom } from '../../src/demo/random.ts';
import { aboveLevel, differentLists, FutureSeenError, shuffleTargets, tooGood } from './guards.ts';
import { lastOut } from './protocols/last-out.ts';
import type { Plan } from './protocols/plan.ts';
import { prequential } from './protocols/prequential.ts';
import { createEngine } from './recommenders/engine.ts';
import { createDecayedPopularity, createPopularity } from './recommenders/popularity.ts';
import type { Recommender } from './recommenders/port.ts';
import { LEVEL, references } from './recommenders/references.ts';
import { type Result, runPlan } from './run.ts';
import { dataSet, ring } from './testing.ts';

const RING = ring(30, 40, 25);
const share = ({ outcomes }: Result): number => outcomes.reduce((sum, { hit }) => sum + hit, 0) / outcomes.length;
const usersOf = ({ questions }: Plan): number[] => questions.map(({ user }) => user);

function engineOf(data: ReturnType<typeof dataSet>): Recommender {
  const engine = createEngine(data, 100);
  onTestFinished(() => engine.close?.());
  return engine;
}

/** Knows the next item without learning. */
function createSeer(plan: Plan, items: number): Recommender {
  const scores = new Float64Array(items);
  let asked = 0;
  let learned = 0;
  return {
    name: 'seer',
    learn: (entries) => {
      learned += entries.filter(({ interaction }) => interaction).length;
    },
    rank: () => {
      scores.fill(0);
      for (const target of plan.questions[asked++]?.targets ?? []) scores[target] = 1;
      return { kind: 'scores', scores };
    },
    learned: () => learned,
  };
}

test('the engine and the references learn the ring by heart, popularity does not', async () => {
  const data = dataSet(RING);
  const plan = prequential(data, { warm: 0.8 });
  const results = await runPlan(plan, [...references(data), engineOf(data)], { items: data.items.length });
  const of = (name: string): number => share(results.find((result) => result.name === name) as Result);
  expect(of('engine')).toBeGreaterThan(0.9);
  expect(of('directed counts')).toBeGreaterThan(0.9);
  expect(of('popularity')).toBeLessThan(of('engine'));
});

test('an engine with a catalogue serves its items', async () => {
  const items = Array.from({ length: 40 }, (_, i) => `i${i}`);
  const catalogue = Object.fromEntries(items.map((item) => [item, { tags: ['round'] }]));
  const data = dataSet(RING, { catalogue });
  const plan = lastOut(data, { held: 1, validate: false });
  const [result] = await runPlan(plan, [engineOf(data)], { items: data.items.length });
  expect(share(result as Result)).toBeGreaterThan(0.9);
});

test('a history in the question counts like a learned one', async () => {
  const data = dataSet(RING);
  const plan = lastOut(data, { held: 2, validate: false });
  const [result] = await runPlan(plan, [engineOf(data)], { items: data.items.length });
  expect(share(result as Result)).toBeGreaterThan(0.9);
});

test('with shuffled targets no method is better than popularity', async () => {
  const data = dataSet(RING);
  const plan = shuffleTargets(prequential(data, { warm: 0.5 }), 3);
  const results = await runPlan(plan, [...references(data), engineOf(data)], { items: data.items.length });
  expect(aboveLevel(results, usersOf(plan), LEVEL)).toEqual([]);
});

test('shuffled targets are items that the user does not know and others have seen', async () => {
  const data = dataSet(['u1 a', 'u2 b', 'u1 b', 'u2 a', 'u3 c', 'u3 a', 'u1 c', 'u2 c']);
  for (let seed = 0; seed < 20; seed++) {
    const plan = shuffleTargets(prequential(data, { warm: 0.2 }), seed);
    for (const { after, user, targets } of plan.questions) {
      const before = plan.entries.slice(0, after).map(({ interaction }) => interaction);
      for (const target of targets) {
        expect(before.some((interaction) => interaction?.item === target)).toBe(true);
        expect(before.some((interaction) => interaction?.user === user && interaction.item === target)).toBe(false);
      }
    }
  }
});

test('a method that is better than popularity on shuffled targets is named', async () => {
  const data = dataSet(RING);
  const plan = shuffleTargets(prequential(data, { warm: 0.5 }), 3);
  const { length } = data.items;
  const results = await runPlan(
    plan,
    [createPopularity(length), createDecayedPopularity(length, 7), createSeer(plan, length)],
    { items: length },
  );
  expect(aboveLevel(results, usersOf(plan), LEVEL)).toEqual(['seer']);
});

test('a recommender that learned the target before it was asked is caught', async () => {
  const data = dataSet(RING);
  const plan = prequential(data, { warm: 0.8 });
  const honest = engineOf(data);
  let learned = 0;
  const cheat: Recommender = {
    ...honest,
    name: 'cheat',
    learn: (entries) => {
      // One event ahead of those that the harness gave.
      honest.learn(plan.entries.slice(learned, learned + entries.length + (learned === 0 ? 1 : 0)));
      learned += entries.length + (learned === 0 ? 1 : 0);
    },
  };
  await expect(runPlan(plan, [cheat], { items: data.items.length })).rejects.toThrow(FutureSeenError);
});

test('a recommender that knows the answers without learning is reported as too good', async () => {
  // Random items, so that no recommender can know the next one.
  const random = createRandom(5);
  const steps = Array.from({ length: 600 }, (_, i) => `u${i % 20} i${random.below(97)}`);
  const data = dataSet(steps);
  const plan = prequential(data, { warm: 0.5 });
  const others = references(data);
  const results = await runPlan(plan, [...others, engineOf(data), createSeer(plan, data.items.length)], {
    items: data.items.length,
  });
  expect(
    tooGood(
      results,
      others.map(({ name }) => name),
    ),
  ).toEqual(['seer']);
});

test('lists that differ in one place are counted', () => {
  const result = (lists: string[]): Result => ({ name: 'x', outcomes: [], lists, learning: 0, ranking: 0 });
  expect(differentLists(result(['1 2', '3']), result(['1 2', '3']))).toBe(0);
  expect(differentLists(result(['1 2', '3']), result(['2 1', '3']))).toBe(1);
  expect(differentLists(result(['1 2', '3']), result(['1 2']))).toBe(1);
});
