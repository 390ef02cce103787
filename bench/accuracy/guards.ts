/** Checks that distinguish a measurement from an artefact. */
import { createRandom } from '../../src/demo/random.ts';
import { pairedDifference } from './metrics.ts';
import type { Plan, Question } from './protocols/plan.ts';
import type { Result } from './run.ts';
import { shuffled } from './shuffle.ts';

/** A recommender knows more, or fewer, events than the harness gave it. Only the benchmark uses the code. */
export class FutureSeenError extends Error {
  readonly code = 'FRESHET_BENCH_FUTURE_SEEN';
  constructor(name: string, knows: number, given: number) {
    super(`${name} has ${knows} interactions, and the benchmark gave it ${given}: it does not rank by the past alone.`);
  }
}

/** The benchmark printed the figures, but they are not trustworthy. */
export class GuardFailedError extends Error {
  readonly code = 'FRESHET_BENCH_GUARD';
}

/** The same questions with shuffled targets, without targets that the new user knows or that the stream has not shown yet. */
export function shuffleTargets(plan: Plan, seed: number): Plan {
  const targets = shuffled(
    plan.questions.map((question) => question.targets),
    createRandom(seed),
  );
  const seen = new Set<number>();
  const histories = new Map<number, Set<number>>();
  let learned = 0;
  const questions: Question[] = [];
  for (const [at, question] of plan.questions.entries()) {
    for (; learned < question.after; learned++) {
      const interaction = plan.entries[learned]?.interaction;
      if (!interaction) continue;
      seen.add(interaction.item);
      const own = histories.get(interaction.user);
      if (own) own.add(interaction.item);
      else histories.set(interaction.user, new Set([interaction.item]));
    }
    const own = question.history ? new Set(question.history) : histories.get(question.user);
    const kept = (targets[at] as readonly number[]).filter(
      (target) => own?.has(target) !== true && (plan.universe !== 'seen' || seen.has(target)),
    );
    if (kept.length > 0) questions.push({ ...question, targets: kept });
  }
  return { ...plan, questions };
}

/** Standard errors that count as chance. */
const CHANCE = 3;

/**
 * With shuffled targets no recommender can be better than one that knows only popularity. Returns the names of those that
 * are better by more than three standard errors of the difference.
 */
export function aboveLevel(results: readonly Result[], users: readonly number[], level: readonly string[]): string[] {
  const references = results.filter(({ name }) => level.includes(name));
  return results
    .filter(({ name }) => !level.includes(name))
    .filter(({ outcomes }) =>
      references.every((reference) => {
        const { mean, seByUser } = pairedDifference(outcomes, reference.outcomes, users).hit;
        return mean > CHANCE * seByUser && mean > 0;
      }),
    )
    .map(({ name }) => name);
}

/** Number of questions to which the two gave different lists. */
export function differentLists(a: Result, b: Result): number {
  let different = Math.abs(a.lists.length - b.lists.length);
  for (const [at, list] of a.lists.entries()) if (at < b.lists.length && list !== b.lists[at]) different++;
  return different;
}

/** Least number of questions for this check. */
const ENOUGH = 20;
/** Share of questions with a right first item; a recommender above it may know the answers. */
const IMPLAUSIBLE_FIRST = 0.5;
/** Factor on the best of the references. */
const IMPLAUSIBLE_RATIO = 3;

const shareOfFirst = ({ outcomes }: Result): number =>
  outcomes.reduce((sum, { first }) => sum + first, 0) / outcomes.length;

/**
 * Names of recommenders that are too good: their first item is right in more than half of the questions, and three times
 * as often as that of the best reference. If a reference is as good, the data are easy.
 */
export function tooGood(results: readonly Result[], references: readonly string[]): string[] {
  const best = Math.max(0, ...results.filter(({ name }) => references.includes(name)).map(shareOfFirst));
  return results
    .filter(({ name, outcomes }) => !references.includes(name) && outcomes.length >= ENOUGH)
    .filter((result) => {
      const share = shareOfFirst(result);
      return share > IMPLAUSIBLE_FIRST && share > IMPLAUSIBLE_RATIO * best;
    })
    .map(({ name }) => name);
}
