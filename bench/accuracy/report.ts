/** What a run came to, for people and for machines. */
import { count, table } from '../../src/cli/output.ts';
import { METRICS, type Mean, pairedDifference, type Summary, summarize } from './metrics.ts';
import type { Plan } from './protocols/plan.ts';
import type { Result } from './run.ts';

export interface RecommenderFigures {
  name: string;
  metrics: Summary;
  /** Against the opponent, on the same questions. */
  difference: Summary | undefined;
  /** Means over equal parts of the questions, in order; of the prequential protocol only. */
  windows: { questions: number; hit: number; ndcg: number; mrr: number }[];
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
  /** Interactions that were learned in all. */
  learned: number;
  questions: number;
  repeats: number;
  opponent: string;
  recommenders: RecommenderFigures[];
}

const WINDOWS = 5;

export function figuresOf(results: readonly Result[], plan: Plan, opponent: string): RecommenderFigures[] {
  const users = plan.questions.map(({ user }) => user);
  const against = results.find(({ name }) => name === opponent);
  return results.map((result) => ({
    name: result.name,
    metrics: summarize(result.outcomes, users),
    difference:
      against === undefined || against === result
        ? undefined
        : pairedDifference(result.outcomes, against.outcomes, users),
    windows: plan.protocol === 'prequential' ? windowsOf(result, users) : [],
    learning: result.learning,
    ranking: result.ranking,
    listsPerSecond: result.ranking > 0 ? result.outcomes.length / result.ranking : 0,
  }));
}

function windowsOf({ outcomes }: Result, users: readonly number[]): RecommenderFigures['windows'] {
  const windows: RecommenderFigures['windows'] = [];
  for (let part = 0; part < WINDOWS; part++) {
    const from = Math.floor((part * outcomes.length) / WINDOWS);
    const to = Math.floor(((part + 1) * outcomes.length) / WINDOWS);
    if (to === from) continue;
    const { hit, ndcg, mrr } = summarize(outcomes.slice(from, to), users.slice(from, to));
    windows.push({ questions: to - from, hit: hit.mean, ndcg: ndcg.mean, mrr: mrr.mean });
  }
  return windows;
}

const figure = (value: number): string => value.toFixed(4);
const withError = ({ mean, seByUser }: Mean): string => `${figure(mean)} ±${figure(seByUser)}`;
const signed = ({ mean, seByUser }: Mean): string => `${mean < 0 ? '' : '+'}${figure(mean)} ±${figure(seByUser)}`;

export const hitName = (protocol: Plan['protocol']): string => (protocol === 'item-cold' ? 'recall@10' : 'HR@10');

export function textOf(figures: AccuracyFigures): string {
  const { data, protocol, options, users, items, learned, questions, repeats, opponent, recommenders } = figures;
  const said = Object.entries(options).map(([name, value]) => `${name} ${value}`);
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
    `${data}: ${count(users)} users, ${count(items)} items; ${[protocol, ...said].join(', ')}`,
    `${count(questions)} questions${repeats > 0 ? `; ${count(repeats)} not asked, as the user knew the item` : ''}; ± one standard error by user`,
    '',
    table(rows, ['', ...header, `${header[0]} − ${opponent}`, 'NDCG@10 −', 'events', 'seconds', 'lists/s']),
  ];
  if (recommenders.some(({ windows }) => windows.length > 0)) {
    const parts = recommenders[0]?.windows ?? [];
    lines.push(
      '',
      `${hitName(protocol)} / NDCG@10 by window of ${count(parts[0]?.questions ?? 0)} questions, in order:`,
      table(
        recommenders.map(({ name, windows }) => [
          name,
          ...windows.map(({ hit, ndcg }) => `${hit.toFixed(3)} / ${ndcg.toFixed(3)}`),
        ]),
        ['', ...parts.map((_, part) => String(part + 1))],
      ),
    );
  }
  return lines.join('\n');
}
