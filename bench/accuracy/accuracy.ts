/** One evaluation: data, protocol, recommenders, figures. */
import { createCodec } from '../../src/bus/event/codec.ts';
import { createProgress, type Progress } from '../../src/cli/progress.ts';
import { createRandom } from '../../src/demo/random.ts';
import { UsageError } from '../../src/errors.ts';
import type { DataSet } from './data/data-set.ts';
import { readImported } from './data/imported.ts';
import { isLines, readLines } from './data/lines.ts';
import { isNcf, readNcf } from './data/ncf.ts';
import { aboveLevel, differentLists, shuffleTargets, tooGood } from './guards.ts';
import { itemCold } from './protocols/item-cold.ts';
import { lastOut } from './protocols/last-out.ts';
import type { Plan } from './protocols/plan.ts';
import { prequential } from './protocols/prequential.ts';
import { COLD_OPPONENT, coldReferences } from './recommenders/cold.ts';
import { createEngine, ENGINE, type EngineSettings } from './recommenders/engine.ts';
import { createLiveEngine, LIVE } from './recommenders/live.ts';
import type { Recommender } from './recommenders/port.ts';
import { LEVEL, OPPONENT, references } from './recommenders/references.ts';
import { createSequence } from './recommenders/sequence/sequence.ts';
import { type AccuracyFigures, comparisonOf, figuresOf, windowsOf } from './report.ts';
import { type Result, runPlan } from './run.ts';
import { shuffled } from './shuffle.ts';

/** Items that the cold-start protocol holds out. */
const HELD_SHARE = 0.1;

/** Name of the second engine, which has other settings. */
const BESIDE = 'engine beside';

/** `http.list_max` by default. */
const LIVE_DEPTH = 1_000;

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
  engine: 'model' | 'live';
  /** Steps of training of the sequence network; undefined: the run has no sequence network. */
  sequence?: number | undefined;
  /** Settings of a second engine beside the first; undefined: no second engine. */
  beside?: EngineSettings | undefined;
  say: (line: string) => void;
}

export interface Accuracy {
  figures: AccuracyFigures;
  /** Reasons not to trust the figures. */
  objections: string[];
}

export async function measureAccuracy(options: AccuracyOptions): Promise<Accuracy> {
  checkOptions(options);
  const data = await readData(options);
  const cold = options.protocol === 'item-cold';
  const seeds = Array.from({ length: cold ? options.seeds : 1 }, (_, i) => options.seed + i);
  const rounds: Round[] = [];
  for (const seed of seeds) rounds.push(await runRound(data, seed, options));
  const results = joined(rounds.map((round) => round.results));
  const users = rounds.flatMap(({ plan }) => plan.questions.map(({ user }) => user));
  const opponent = cold ? COLD_OPPONENT : OPPONENT;
  const objections: string[] = [];
  if (options.shuffleTargets)
    for (const name of aboveLevel(results, users, LEVEL))
      objections.push(`${name} is better than popularity on shuffled targets`);
  const plain = results.map(({ name }) => name).filter((name) => ![ENGINE, LIVE, BESIDE].includes(name));
  for (const name of tooGood(results, plain))
    objections.push(`${name} is too good for a method that has seen the past alone`);
  const [inProcess, live] = [ENGINE, LIVE].map((name) => results.find((result) => result.name === name));
  const different = inProcess && live ? differentLists(inProcess, live) : undefined;
  if (different !== undefined && different > 0)
    objections.push(`the live engine gave other lists to ${different} of ${users.length} questions`);
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
      ...(different === undefined ? {} : { sameLists: users.length - different }),
      repeats: rounds.reduce((sum, { plan }) => sum + plan.repeats, 0),
      opponent,
      recommenders: figuresOf(results, { users, opponent, parts }),
      ...(options.beside ? { beside: comparisonOf(results, { name: BESIDE, opponent: ENGINE, users, parts }) } : {}),
    },
  };
}

interface Round {
  plan: Plan;
  results: Result[];
  /** Interactions learned before the last question. */
  learned: number;
}

async function runRound(data: DataSet, seed: number, options: AccuracyOptions): Promise<Round> {
  let plan = planOf(data, seed, options);
  if (options.shuffleTargets) plan = shuffleTargets(plan, seed);
  if (options.sample !== undefined) plan = samplePlan(plan, options.sample, seed);
  if (plan.questions.length === 0)
    throw new UsageError('These data leave nothing to ask under this protocol.', {
      next: 'see docs/how-to/measure-accuracy.md for the protocols',
    });
  if (options.engine === 'live') checkLive(plan, options);
  const recommenders: Recommender[] = [
    ...(options.protocol === 'item-cold' ? coldReferences(data, seed) : references(data)),
    ...(options.sequence === undefined ? [] : [createSequence(data, { steps: options.sequence, say: options.say })]),
    createEngine(data, options.depth, { settings: settingsOf(options), say: options.say }),
    ...(options.beside === undefined
      ? []
      : [
          createEngine(data, options.depth, {
            name: BESIDE,
            settings: { ...settingsOf(options), ...options.beside },
            say: options.say,
          }),
        ]),
    ...(options.engine === 'live' ? [await createLiveEngine(data, options.depth)] : []),
  ];
  // Created at the first answer, so that the time of the learning before it does not enter the estimate.
  let progress: Progress | undefined;
  const update = (done: number, total: number): void => {
    progress ??= createProgress(options.protocol, 'questions');
    progress.update(done, total);
  };
  options.say(
    `${data.name}: learning ${plan.questions[0]?.after} events before the first of ${plan.questions.length} questions`,
  );
  try {
    const results = await runPlan(plan, recommenders, { items: data.items.length, update });
    return { plan, results, learned: (await recommenders[0]?.learned()) ?? 0 };
  } finally {
    progress?.end();
    for (const recommender of recommenders) await recommender.close?.();
  }
}

/** Joins the rounds of each recommender into one result. */
function joined(rounds: readonly Result[][]): Result[] {
  return (rounds[0] ?? []).map(({ name }, at) => {
    const own = rounds.map((round) => round[at] as Result);
    return {
      name,
      outcomes: own.flatMap(({ outcomes }) => outcomes),
      lists: own.flatMap(({ lists }) => lists),
      learning: own.reduce((sum, { learning }) => sum + learning, 0),
      ranking: own.reduce((sum, { ranking }) => sum + ranking, 0),
    };
  });
}

function checkOptions({ protocol, warm, tune, shuffleTargets: shuffle }: AccuracyOptions): void {
  if (tune !== undefined && tune >= warm)
    throw new UsageError(`--tune ${tune} leaves nothing before --warm ${warm}.`, { next: 'use a smaller --tune' });
  // A recommender with features knows which similar items are popular. So popularity gives no level for this comparison.
  if (shuffle && protocol === 'item-cold')
    throw new UsageError('Targets of cold items can’t be shuffled: there is no popularity to fall to.', {
      next: 'use --shuffle-targets with --protocol prequential or last-out',
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

/** Throws a `UsageError` for a plan with questions that a request over the network cannot express. */
function checkLive({ questions }: Plan, { protocol, depth }: AccuracyOptions): void {
  if (protocol === 'item-cold' || questions.some(({ history }) => history !== undefined))
    throw new UsageError('A live engine is asked for users as it knows them, not for a history or among some items.', {
      next: 'use --protocol prequential, or last-out with --hold 1',
    });
  if (depth >= LIVE_DEPTH)
    throw new UsageError(`A live engine gives lists of less than ${LIVE_DEPTH} items.`, {
      next: 'use a smaller --depth',
    });
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

/** A service goes on while it trains, and a result counts from the position then reached: no two runs are alike. */
const isTrained = ({ engine }: Pick<AccuracyOptions, 'engine'>): boolean => engine !== 'live';

const settingsOf = (options: AccuracyOptions): EngineSettings =>
  isTrained(options) ? {} : { training_content: false };

/** Options of the run, for the report. */
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
    ...(isTrained(rest) ? {} : { trained: false }),
    ...(rest.beside === undefined ? {} : { beside: JSON.stringify(rest.beside) }),
  };
}

/** A sample of the questions, in their order. The learned events stay the same. */
export function samplePlan(plan: Plan, size: number, seed: number): Plan {
  const chosen = shuffled([...plan.questions.keys()], createRandom(seed)).slice(0, size);
  const questions = chosen.sort((a, b) => a - b).map((at) => plan.questions[at] as Plan['questions'][number]);
  return { ...plan, questions };
}
