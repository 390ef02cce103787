/** The results of a run, as text and as JSON. */
import { count, table } from '../../src/cli/output.ts';
import { METRICS, type Mean, pairedDifference, type Summary, summarize } from './metrics.ts';
import type { Plan } from './protocols/plan.ts';
import type { Result } from './run.ts';

export interface RecommenderFigures {
  name: string;
  metrics: Summary;
  /** Against the opponent, on the same questions. */
  difference: Summary | undefined;
  /** Means over windows of the stream, or over each seed's round. */
  parts: (Part & { hit: number; ndcg: number; mrr: number })[];
  /** Seconds. */
  learning: number;
  ranking: number;
  listsPerSecond: number;
}

export interface AccuracyFigures {
  data: string;
  protocol: Plan['protocol'];
  options: Record<string, string | number | boolean>;
  users: number;
  items: number;
  /** Number of all learned interactions. */
  learned: number;
  questions: number;
  repeats: number;
  /** Questions to which the live engine gave the same list as the engine in process, item by item. */
  sameLists?: number;
  opponent: string;
  recommenders: RecommenderFigures[];
  /** The engine with other settings, compared with the engine. */
  beside?: Comparison;
}

/** The difference of two recommenders on the same questions: over all, and over each window or round. */
export interface Comparison {
  name: string;
  opponent: string;
  difference: Summary;
  parts: (Part & { difference: Summary })[];
}

const WINDOWS = 5;

/** Consecutive questions with a summary of their own. */
export interface Part {
  name: string;
  questions: number;
}

/** Equal parts of this many questions. */
export function windowsOf(questions: number): Part[] {
  const bound = (part: number): number => Math.floor((part * questions) / WINDOWS);
  return Array.from({ length: WINDOWS }, (_, part) => ({
    name: String(part + 1),
    questions: bound(part + 1) - bound(part),
  })).filter((part) => part.questions > 0);
}

export interface FiguresOptions {
  /** The user of each question. */
  users: readonly number[];
  opponent: string;
  parts: readonly Part[];
}

export function figuresOf(
  results: readonly Result[],
  { users, opponent, parts }: FiguresOptions,
): RecommenderFigures[] {
  const against = results.find(({ name }) => name === opponent);
  return results.map((result) => ({
    name: result.name,
    metrics: summarize(result.outcomes, users),
    difference:
      against === undefined || against === result
        ? undefined
        : pairedDifference(result.outcomes, against.outcomes, users),
    parts: partsOf(result, users, parts),
    learning: result.learning,
    ranking: result.ranking,
    listsPerSecond: result.ranking > 0 ? result.outcomes.length / result.ranking : 0,
  }));
}

export function comparisonOf(
  results: readonly Result[],
  { name, opponent, users, parts }: FiguresOptions & { name: string },
): Comparison {
  const [one, other] = [name, opponent].map((wanted) => results.find((result) => result.name === wanted) as Result);
  const difference = (from: number, to: number): Summary =>
    pairedDifference(
      (one as Result).outcomes.slice(from, to),
      (other as Result).outcomes.slice(from, to),
      users.slice(from, to),
    );
  let end = 0;
  return {
    name,
    opponent,
    difference: difference(0, users.length),
    parts: parts.map((part) => {
      const from = end;
      end += part.questions;
      return { ...part, difference: difference(from, end) };
    }),
  };
}

function partsOf({ outcomes }: Result, users: readonly number[], parts: readonly Part[]): RecommenderFigures['parts'] {
  let from = 0;
  return parts.map(({ name, questions }) => {
    const to = from + questions;
    const { hit, ndcg, mrr } = summarize(outcomes.slice(from, to), users.slice(from, to));
    from = to;
    return { name, questions, hit: hit.mean, ndcg: ndcg.mean, mrr: mrr.mean };
  });
}

const figure = (value: number): string => value.toFixed(4);
const withError = ({ mean, seByUser }: Mean): string => `${figure(mean)} ±${figure(seByUser)}`;
const signed = ({ mean, seByUser }: Mean): string => `${mean < 0 ? '' : '+'}${figure(mean)} ±${figure(seByUser)}`;

export const hitName = (protocol: Plan['protocol']): string => (protocol === 'item-cold' ? 'recall@10' : 'HR@10');

export function textOf(figures: AccuracyFigures): string {
  const { data, protocol, options, users, items, learned, questions, repeats, opponent, recommenders } = figures;
  const listed = Object.entries(options).map(([name, value]) => `${name} ${value}`);
  const header = [hitName(protocol), 'NDCG@10', 'MRR'];
  const rows = recommenders.map(({ name, metrics, difference, learning, ranking, listsPerSecond }) => [
    name,
    ...METRICS.map((metric) => withError(metrics[metric])),
    difference === undefined ? '' : signed(difference.hit),
    difference === undefined ? '' : signed(difference.ndcg),
    count(learned),
    (learning + ranking).toFixed(1),
    count(Math.round(listsPerSecond)),
  ]);
  const lines = [
    `${data}: ${count(users)} users, ${count(items)} items; ${[protocol, ...listed].join(', ')}`,
    `${count(questions)} questions${repeats > 0 ? `; ${count(repeats)} left out, because the user knew the item` : ''}; ± one standard error by user`,
    '',
    table(rows, ['', ...header, `${header[0]} − ${opponent}`, 'NDCG@10 −', 'events', 'seconds', 'lists/s']),
  ];
  if (figures.sameLists !== undefined)
    lines.push(
      '',
      `the live engine gave the same list to ${count(figures.sameLists)} of ${count(questions)} questions`,
    );
  if (figures.beside !== undefined) {
    const { name, opponent: against, difference, parts: own } = figures.beside;
    lines.push(
      '',
      `${name} − ${against}:`,
      table(
        [{ name: 'all', difference }, ...own].map((part) => [
          part.name,
          ...METRICS.map((metric) => signed(part.difference[metric])),
        ]),
        ['', ...header],
      ),
    );
  }
  const parts = recommenders[0]?.parts ?? [];
  if (parts.length > 0) {
    lines.push(
      '',
      `${header[0]} / NDCG@10 by ${protocol === 'item-cold' ? 'round' : 'window'}, ${count(parts[0]?.questions ?? 0)} questions each, or nearly so:`,
      table(
        recommenders.map(({ name, parts: own }) => [
          name,
          ...own.map(({ hit, ndcg }) => `${hit.toFixed(3)} / ${ndcg.toFixed(3)}`),
        ]),
        ['', ...parts.map((part) => part.name)],
      ),
    );
  }
  return lines.join('\n');
}
