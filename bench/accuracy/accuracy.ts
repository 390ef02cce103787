/** One evaluation: data, protocol, recommenders, figures. */
import { createCodec } from '../../src/bus/event/codec.ts';
import { createProgress, type Progress } from '../../src/cli/progress.ts';
import { createRandom } from '../../src/demo/random.ts';
import { UsageError } from '../../src/errors.ts';
import type { DataSet } from './data/data-set.ts';
import { readImported } from './data/imported.ts';
import { isLines, readLines } from './data/lines.ts';
import { aboveLevel, shuffleTargets, tooGood } from './guards.ts';
import { lastOut } from './protocols/last-out.ts';
import type { Plan } from './protocols/plan.ts';
import { prequential } from './protocols/prequential.ts';
import { createEngine } from './recommenders/engine.ts';
import type { Recommender } from './recommenders/port.ts';
import { LEVEL, OPPONENT, references } from './recommenders/references.ts';
import { type AccuracyFigures, figuresOf } from './report.ts';
import { runPlan } from './run.ts';
import { shuffled } from './shuffle.ts';

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
  const { seed, sample, say } = options;
  const data = await readData(options);
  let plan = planOf(data, options);
  if (options.shuffleTargets) plan = shuffleTargets(plan, seed);
  if (sample !== undefined) plan = samplePlan(plan, sample, seed);
  if (plan.questions.length === 0)
    throw new UsageError('These data leave nothing to ask under this protocol.', {
      next: 'see docs/how-to/measure-accuracy.md for what each protocol asks',
    });
  const others = references(data);
  const recommenders: Recommender[] = [...others, createEngine(data, options.depth)];
  say(
    `${data.name}: learning ${plan.questions[0]?.after} events before the first of ${plan.questions.length} questions`,
  );
  try {
    // Made when the first question has been answered: what is learned before it says nothing of the questions' pace.
    let progress: Progress | undefined;
    const update = (done: number, total: number): void => {
      progress ??= createProgress(options.protocol, 'questions');
      progress.update(done, total);
    };
    const results = runPlan(plan, recommenders, { items: data.items.length, update });
    progress?.end();
    const users = plan.questions.map(({ user }) => user);
    const objections: string[] = [];
    if (options.shuffleTargets)
      for (const name of aboveLevel(results, users, LEVEL))
        objections.push(`${name} is better than popularity at targets that were shuffled`);
    for (const name of tooGood(
      results,
      others.map(({ name }) => name),
    ))
      objections.push(`${name} is too good to have seen the past alone`);
    const figures: AccuracyFigures = {
      data: data.name,
      protocol: plan.protocol,
      options: optionsOf(options, data),
      users: data.users.length,
      items: data.items.length,
      learned: recommenders[0]?.learned() ?? 0,
      questions: plan.questions.length,
      repeats: plan.repeats,
      opponent: OPPONENT,
      recommenders: figuresOf(results, plan, OPPONENT),
    };
    return { figures, objections };
  } finally {
    for (const recommender of recommenders) recommender.close?.();
  }
}

async function readData({ inter, item, attributes, say }: AccuracyOptions): Promise<DataSet> {
  const codec = createCodec();
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

function planOf(data: DataSet, { protocol, warm, tune, hold, validate }: AccuracyOptions): Plan {
  switch (protocol) {
    case 'prequential':
      return prequential(data, { warm, tune });
    case 'last-out':
      return lastOut(data, { held: hold ?? data.held, validate });
    case 'item-cold':
      throw new UsageError('Not there yet.', { next: 'npm run bench -- accuracy --protocol prequential' });
  }
}

/** What the protocol was run with, where it isn't what the data's custom says. */
function optionsOf({ protocol, warm, tune, hold, validate, ...rest }: AccuracyOptions, data: DataSet) {
  return {
    ...(protocol === 'prequential' ? { warm } : {}),
    ...(protocol === 'prequential' && tune !== undefined ? { tune } : {}),
    ...(protocol === 'last-out' ? { hold: validate ? 2 : (hold ?? data.held) } : {}),
    ...(protocol === 'last-out' && validate ? { validate } : {}),
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
