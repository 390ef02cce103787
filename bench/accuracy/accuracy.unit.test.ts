import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { type AccuracyOptions, measureAccuracy, samplePlan } from './accuracy.ts';
import { prequential } from './protocols/prequential.ts';
import { textOf } from './report.ts';
import { dataSet, ring } from './testing.ts';

const STEPS = ring(12, 30, 20);

/** The same steps as an atomic file of RecBole, with a catalogue beside it. */
function files(): { inter: string; item: string } {
  const folder = tempDir('accuracy');
  const inter = join(folder, 'ring.inter');
  const item = join(folder, 'ring.item');
  const rows = STEPS.map((step, at) => `${step.replace(' ', '\t')}\t${1_700_000_000 + at}`);
  writeFileSync(inter, `user_id:token\titem_id:token\ttimestamp:float\n${rows.join('\n')}\n`);
  const items = Array.from({ length: 30 }, (_, i) => `i${i}\tItem ${i}\t${i % 2 === 0 ? 'even' : 'odd'}`);
  writeFileSync(item, `item_id:token\ttitle:token_seq\tclass:token_seq\n${items.join('\n')}\n`);
  return { inter, item };
}

const options = (given: Partial<AccuracyOptions>): AccuracyOptions => ({
  inter: '',
  protocol: 'prequential',
  warm: 0.8,
  validate: false,
  seed: 1,
  seeds: 2,
  shuffleTargets: false,
  depth: 20,
  engine: 'model',
  say: () => {},
  ...given,
});

test.each(['prequential', 'last-out', 'item-cold'] as const)('%s runs from files to a table', async (protocol) => {
  const { figures, objections } = await measureAccuracy(options({ ...files(), protocol }));
  expect(objections).toEqual([]);
  expect(figures).toMatchObject({ data: 'ring', protocol, users: 12, items: 30 });
  expect(figures.questions).toBeGreaterThan(11);
  const engine = figures.recommenders.find(({ name }) => name === 'engine');
  expect(engine?.metrics.hit.mean).toBeGreaterThan(0.3);
  expect(engine?.difference?.hit.mean).toEqual(expect.any(Number));
  const text = textOf(figures);
  for (const { name } of figures.recommenders) expect(text).toContain(name);
});

test('a second engine with other settings is compared with the first, part by part', async () => {
  const { figures } = await measureAccuracy(options({ ...files(), beside: { ranker_form: 'none' } }));
  expect(figures.options.beside).toBe('{"ranker_form":"none"}');
  const [one, other] = ['engine beside', 'engine'].map((wanted) =>
    figures.recommenders.find(({ name }) => name === wanted),
  );
  const difference = (one?.metrics.ndcg.mean ?? 0) - (other?.metrics.ndcg.mean ?? 0);
  expect(figures.beside?.difference.ndcg.mean).toBeCloseTo(difference, 9);
  expect(figures.beside?.parts).toHaveLength(5);
  for (const [at, part] of (figures.beside?.parts ?? []).entries())
    expect(part.difference.hit.mean).toBeCloseTo((one?.parts[at]?.hit ?? 0) - (other?.parts[at]?.hit ?? 0), 9);
  expect(textOf(figures)).toContain('engine beside − engine');
});

test('a catalogue decides whether unpublished items are served', async () => {
  const { inter, item } = files();
  const without = await measureAccuracy(options({ inter }));
  const beside = await measureAccuracy(options({ inter, item }));
  expect(without.figures.options).not.toHaveProperty('catalogue');
  expect(beside.figures.options).toMatchObject({ catalogue: true });
  expect(without.figures.questions).toBe(beside.figures.questions);
});

test.each([
  ['a stretch for tuning behind the warm share', { tune: 0.9 }, '--tune'],
  ['shuffled targets of cold items', { protocol: 'item-cold', shuffleTargets: true }, 'shuffled'],
  ['attributes beside an atomic file', { attributes: 'x.json' }, '--attributes'],
  ['a live engine asked for a history', { protocol: 'last-out', hold: 2, engine: 'live' }, 'live'],
] as const)('%s is refused', async (_what, given, said) => {
  const { inter } = files();
  await expect(measureAccuracy(options({ inter, ...given }))).rejects.toThrow(said);
});

test('a sample has some of the questions in their order, and does not change what the methods learn', () => {
  const plan = prequential(dataSet(STEPS), { warm: 0.5 });
  const sample = samplePlan(plan, 10, 7);
  expect(sample.entries).toBe(plan.entries);
  const places = sample.questions.map((question) => plan.questions.indexOf(question));
  expect(places).toHaveLength(10);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(samplePlan(plan, 10, 7).questions).toEqual(sample.questions);
});
