/** Runs a plan: all recommenders learn the same events and get the same questions. */
import { FutureSeenError } from './guards.ts';
import { type Outcome, outcomeOf, rankOf } from './metrics.ts';
import type { Plan } from './protocols/plan.ts';
import type { Asked, Recommender } from './recommenders/port.ts';

export interface Result {
  name: string;
  /** One for each question of the plan. */
  outcomes: Outcome[];
  /** The lists of a recommender that answers with lists: item numbers, each list as one text. */
  lists: string[];
  /** Seconds of learning, and of ranking. */
  learning: number;
  ranking: number;
}

export interface RunOptions {
  /** Number of items. */
  items: number;
  update?: (done: number, total: number) => void;
}

/** Questions between two checks of how many events a recommender knows; a check takes time. */
const LOOK_EVERY = 500;

/** Throws {@link FutureSeenError} if a recommender knows another number of events than it got. */
export async function runPlan(
  plan: Plan,
  recommenders: readonly Recommender[],
  { items, update }: RunOptions,
): Promise<Result[]> {
  const results = recommenders.map(({ name }): Result => ({ name, outcomes: [], lists: [], learning: 0, ranking: 0 }));
  const seen = new Uint8Array(items);
  const histories: Set<number>[] = [];
  const among = typeof plan.universe === 'string' ? undefined : plan.universe;
  const universe = among && new Set(among);
  let learned = 0;
  let given = 0;

  const learnUntil = async (end: number): Promise<void> => {
    if (end === learned) return;
    const entries = plan.entries.slice(learned, end);
    for (const [at, recommender] of recommenders.entries()) {
      const started = performance.now();
      await recommender.learn(entries);
      (results[at] as Result).learning += (performance.now() - started) / 1000;
    }
    for (const { interaction } of entries) {
      if (!interaction) continue;
      given++;
      seen[interaction.item] = 1;
      const own = histories[interaction.user];
      if (own === undefined) histories[interaction.user] = new Set([interaction.item]);
      else own.add(interaction.item);
    }
    learned = end;
  };
  const look = async (): Promise<void> => {
    for (const recommender of recommenders) {
      const knows = await recommender.learned();
      if (knows !== given) throw new FutureSeenError(recommender.name, knows, given);
    }
  };

  for (const [at, question] of plan.questions.entries()) {
    await learnUntil(question.after);
    if (at % LOOK_EVERY === 0) await look();
    const known = question.history ? new Set(question.history) : (histories[question.user] ?? new Set());
    const ranked = (item: number): boolean =>
      !known.has(item) &&
      (plan.universe !== 'seen' || seen[item] === 1) &&
      (universe === undefined || universe.has(item));
    const asked: Asked = { user: question.user, history: question.history, among };
    for (const [which, recommender] of recommenders.entries()) {
      const result = results[which] as Result;
      const started = performance.now();
      const answer = await recommender.rank(asked);
      result.ranking += (performance.now() - started) / 1000;
      if (answer.kind === 'list') result.lists.push(answer.items.join(' '));
      result.outcomes.push(outcomeOf(question.targets.map((target) => rankOf(target, answer, items, ranked))));
    }
    update?.(at + 1, plan.questions.length);
  }
  await look();
  return results;
}
