import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { count, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type LearningCurve, type LearningCurveOptions, POLICIES, runLearningCurve } from './learning-curve.ts';
import { inWords, plot } from './plot.ts';

interface Given extends Omit<LearningCurveOptions, 'say' | 'seeds'> {
  seed: number;
  runs: number;
  svg?: string;
  json?: boolean;
}

/** `npm run bench -- learning-curve` */
export const learningCurveBench = (): Command =>
  new Command('learning-curve')
    .description('measure lists for simulated readers with known preferences, from an empty log on')
    .option('--events <n>', 'interactions of each run', positive, 30_000)
    .option('--readers <n>', 'simulated readers', positive, 1_000)
    .option('-n, --n <n>', 'items in a list', positive, 10)
    .option('--every <n>', 'request a list after one in so many interactions', positive, 5)
    .option('--points <n>', 'points of the curve', points, 18)
    .option('--first <n>', 'interactions at the first point', positive, 100)
    .option('--runs <n>', 'runs, each with a seed of its own', positive, 4)
    .option('--seed <n>', 'the first seed', whole, 1)
    .option('--svg <file>', 'write the curve to this file')
    .option('--json', 'write JSON')
    .action(async ({ seed, runs, svg, json, ...options }: Given) => {
      const seeds = Array.from({ length: runs }, (_, i) => seed + i);
      const curve = await runLearningCurve({ ...options, seeds, say: note });
      if (svg !== undefined) await writeFile(svg, plot(curve));
      if (json) printJson(curve);
      else print(textOf(curve));
    });

function points(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 2) throw new InvalidArgumentError('It takes a number from 2 to 999.');
  return Number(text);
}

function textOf(curve: LearningCurve): string {
  const share = (value: number): string => value.toFixed(3);
  return [
    `${count(curve.items)} items, ${count(curve.readers)} readers, lists of ${curve.n}, ${curve.runs} runs`,
    'Probability that a reader’s next item is on the list:',
    '',
    table(
      curve.points.map(({ events, lists, expected, error, clicked }) => [
        count(events),
        count(lists),
        ...POLICIES.map((name) => share(expected[name])),
        `${share(expected.system - expected.popular)} ± ${share(error)}`,
        share(expected.system / expected.best),
        share(clicked),
      ]),
      ['interactions', 'lists', ...POLICIES, 'system − popular', 'of the best', 'clicked'],
    ),
    '',
    inWords(curve),
  ].join('\n');
}
