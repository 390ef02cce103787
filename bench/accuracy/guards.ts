/** What tells a measurement from an artefact. */
import { createRandom } from '../../src/demo/random.ts';
import { pairedDifference } from './metrics.ts';
import type { Plan, Question } from './protocols/plan.ts';
import type { Result } from './run.ts';
import { shuffled } from './shuffle.ts';

/** A recommender knows more, or less, than it was told. The code is the benchmark's own, no program's to rely on. */
export class FutureSeenError extends Error {
  readonly code = 'FRESHET_BENCH_FUTURE_SEEN';
  constructor(name: string, knows: number, given: number) {
    super(`${name} has ${knows} interactions, and the benchmark gave it ${given}: it does not rank by the past alone.`);
  }
}

/** The figures are printed, but they are not to be believed. */
export class GuardFailedError extends Error {
  readonly code = 'FRESHET_BENCH_GUARD';
}

/** The same questions with each other's targets; those that their new user knows, or that were not there yet, go. */
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

/** Standard errors that chance may bring. */
const CHANCE = 3;

/**
 * With shuffled targets nobody can be better than who knows what is popular: names of those that are, by more than
 * three standard errors of the difference.
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

/** Questions to which the two gave other lists. */
export function differentLists(a: Result, b: Result): number {
  let different = Math.abs(a.lists.length - b.lists.length);
  for (const [at, list] of a.lists.entries()) if (at < b.lists.length && list !== b.lists[at]) different++;
  return different;
}

/** Questions below which nothing is said. */
const ENOUGH = 20;
/** Share of questions whose very first answer is right, above which nobody guesses by honest means. */
const IMPLAUSIBLE_FIRST = 0.5;
/** Times the best of the references. */
const IMPLAUSIBLE_RATIO = 3;

const shareOfFirst = ({ outcomes }: Result): number =>
  outcomes.reduce((sum, { first }) => sum + first, 0) / outcomes.length;

/**
 * Names of recommenders that are too good: right with the very first item in more than half of the questions, and three
 * times as often as the best of the references. A reference that is as good shows that the data are that easy.
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
