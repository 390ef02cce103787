/** One evaluation: data, protocol, recommenders, figures. */
import { createCodec } from '../../src/bus/event/codec.ts';
import { createProgress, type Progress } from '../../src/cli/progress.ts';
import { createRandom } from '../../src/demo/random.ts';
import { UsageError } from '../../src/errors.ts';
import type { DataSet } from './data/data-set.ts';
import { readImported } from './data/imported.ts';
import { isLines, readLines } from './data/lines.ts';
import { isNcf, readNcf } from './data/ncf.ts';
import { aboveLevel, shuffleTargets, tooGood } from './guards.ts';
import { itemCold } from './protocols/item-cold.ts';
import { lastOut } from './protocols/last-out.ts';
import type { Plan } from './protocols/plan.ts';
import { prequential } from './protocols/prequential.ts';
import { COLD_OPPONENT, coldReferences } from './recommenders/cold.ts';
import { createEngine, ENGINE } from './recommenders/engine.ts';
import type { Recommender } from './recommenders/port.ts';
import { LEVEL, OPPONENT, references } from './recommenders/references.ts';
import { type AccuracyFigures, figuresOf, windowsOf } from './report.ts';
import { type Result, runPlan } from './run.ts';
import { shuffled } from './shuffle.ts';

/** Items that the cold-start protocol holds out. */
const HELD_SHARE = 0.1;

export interface AccuracyOptions {
  inter: string;
  item?: string | undefined;
  attributes?: string | undefined;
  protocol: Plan['protocol'];
  warm: number;
  tune?: number | undefined;
  hold?: 1 | 2 | undefined;
  validate: boolean;
  seed: number;
  /** Rounds of the cold-start protocol, each with a seed of its own. */
  seeds: number;
  sample?: number | undefined;
  shuffleTargets: boolean;
  depth: number;
  say: (line: string) => void;
}

export interface Accuracy {
  figures: AccuracyFigures;
  /** What speaks against the figures. */
  objections: string[];
}

export async function measureAccuracy(options: AccuracyOptions): Promise<Accuracy> {
  const data = await readData(options);
  const cold = options.protocol === 'item-cold';
  const seeds = Array.from({ length: cold ? options.seeds : 1 }, (_, i) => options.seed + i);
  const rounds: Round[] = [];
  for (const seed of seeds) rounds.push(runRound(data, seed, options));
  const results = joined(rounds.map((round) => round.results));
  const users = rounds.flatMap(({ plan }) => plan.questions.map(({ user }) => user));
  const opponent = cold ? COLD_OPPONENT : OPPONENT;
  const objections: string[] = [];
  if (options.shuffleTargets)
    for (const name of aboveLevel(results, users, LEVEL))
      objections.push(`${name} is better than popularity at targets that were shuffled`);
  const plain = results.map(({ name }) => name).filter((name) => name !== ENGINE);
  for (const name of tooGood(results, plain)) objections.push(`${name} is too good to have seen the past alone`);
  const parts =
    options.protocol === 'prequential'
      ? windowsOf(users.length)
      : cold
        ? rounds.map(({ plan }, at) => ({ name: `seed ${seeds[at]}`, questions: plan.questions.length }))
        : [];
  return {
    objections,
    figures: {
      data: data.name,
      protocol: options.protocol,
      options: optionsOf(options, data),
      users: data.users.length,
      items: data.items.length,
      learned: rounds.at(-1)?.learned ?? 0,
      questions: users.length,
      repeats: rounds.reduce((sum, { plan }) => sum + plan.repeats, 0),
      opponent,
      recommenders: figuresOf(results, { users, opponent, parts }),
    },
  };
}

interface Round {
  plan: Plan;
  results: Result[];
  /** Interactions learned when the last question was asked. */
  learned: number;
}

function runRound(data: DataSet, seed: number, options: AccuracyOptions): Round {
  let plan = planOf(data, seed, options);
  if (options.shuffleTargets) plan = shuffleTargets(plan, seed);
  if (options.sample !== undefined) plan = samplePlan(plan, options.sample, seed);
  if (plan.questions.length === 0)
    throw new UsageError('These data leave nothing to ask under this protocol.', {
      next: 'see docs/how-to/measure-accuracy.md for what each protocol asks',
    });
  const recommenders: Recommender[] = [
    ...(options.protocol === 'item-cold' ? coldReferences(data, seed) : references(data)),
    createEngine(data, options.depth),
  ];
  // Made when the first question has been answered: what is learned before it says nothing of the questions' pace.
  let progress: Progress | undefined;
  const update = (done: number, total: number): void => {
    progress ??= createProgress(options.protocol, 'questions');
    progress.update(done, total);
  };
  options.say(
    `${data.name}: learning ${plan.questions[0]?.after} events before the first of ${plan.questions.length} questions`,
  );
  try {
    const results = runPlan(plan, recommenders, { items: data.items.length, update });
    return { plan, results, learned: recommenders[0]?.learned() ?? 0 };
  } finally {
    progress?.end();
    for (const recommender of recommenders) recommender.close?.();
  }
}

/** The rounds of each recommender as one. */
function joined(rounds: readonly Result[][]): Result[] {
  return (rounds[0] ?? []).map(({ name }, at) => {
    const own = rounds.map((round) => round[at] as Result);
    return {
      name,
      outcomes: own.flatMap(({ outcomes }) => outcomes),
      learning: own.reduce((sum, { learning }) => sum + learning, 0),
      ranking: own.reduce((sum, { ranking }) => sum + ranking, 0),
    };
  });
}

async function readData({ inter, item, attributes, say }: AccuracyOptions): Promise<DataSet> {
  const codec = createCodec();
  if (isNcf(inter)) return readNcf(inter, item, codec);
  if (isLines(inter)) {
    if (item !== undefined)
      throw new UsageError('Lines of items come with --attributes, not with --item.', {
        next: `npm run bench -- accuracy --inter ${inter} --attributes FILE`,
      });
    return readLines(inter, attributes, codec);
  }
  if (attributes !== undefined)
    throw new UsageError('--attributes belongs to lines of items; what describes these items is given by --item.', {
      next: `npm run bench -- accuracy --inter ${inter} --item FILE`,
    });
  return readImported(item === undefined ? [inter] : [inter, item], codec, say);
}

function planOf(data: DataSet, seed: number, { protocol, warm, tune, hold, validate }: AccuracyOptions): Plan {
  switch (protocol) {
    case 'prequential':
      return prequential(data, { warm, tune });
    case 'last-out':
      return lastOut(data, { held: hold ?? data.held, validate });
    case 'item-cold':
      return itemCold(data, { seed, share: HELD_SHARE });
  }
}

/** What the protocol was run with, where it isn't what the data's custom says. */
function optionsOf({ protocol, warm, tune, hold, validate, ...rest }: AccuracyOptions, data: DataSet) {
  return {
    ...(protocol === 'prequential' ? { warm } : {}),
    ...(protocol === 'prequential' && tune !== undefined ? { tune } : {}),
    ...(protocol === 'last-out' ? { hold: validate ? 2 : (hold ?? data.held) } : {}),
    ...(protocol === 'last-out' && validate ? { validate } : {}),
    ...(protocol === 'item-cold' ? { seed: rest.seed, seeds: rest.seeds } : {}),
    ...(rest.sample === undefined ? {} : { sample: rest.sample, seed: rest.seed }),
    ...(rest.shuffleTargets ? { 'shuffle-targets': true, seed: rest.seed } : {}),
    ...(data.catalogued ? { catalogue: true } : {}),
  };
}

/** Some of the questions, in their order; what is learned stays the same. */
export function samplePlan(plan: Plan, size: number, seed: number): Plan {
  const chosen = shuffled([...plan.questions.keys()], createRandom(seed)).slice(0, size);
  const questions = chosen.sort((a, b) => a - b).map((at) => plan.questions[at] as Plan['questions'][number]);
  return { ...plan, questions };
}
