import { Command } from 'commander';
import { count, duration, EXIT, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ForgetBenchOptions, type ForgetFigures, type ForgottenUser, runForget } from './forget.ts';

/** `npm run bench -- forget` */
export const forgetBench = (): Command =>
  new Command('forget')
    .description('forget users of your data one by one, and compare the rest with a fold of the purged log')
    .requiredOption('--data <paths...>', 'files or folders, in any form that an import takes')
    .option('--users <n>', 'users to forget', positive, 50)
    .option(
      '--never-held <n>',
      'for so many users, compare the statistics with a log that never contained them',
      whole,
      5,
    )
    .option('--seed <n>', 'seed of the draw of users', whole, 1)
    .option('--rebuild-after-ms <ms>', 'erasure.rebuild_after_ms of the system', whole, 100)
    .option(
      '--ranker-dense <n>',
      'engine.ranker_dense of the system: how many lists the ranker learns from at first',
      whole,
    )
    .option('--answer-ms <ms>', 'milliseconds that a service has for an answer', positive, 600_000)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ForgetBenchOptions, 'say' | 'cut'> & { json?: boolean }) => {
      // The run ends after the current user. A second signal ends it at once.
      const cut = new AbortController();
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => cut.abort());
      const figures = await runForget({ ...options, cut: cut.signal, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
      if (!figures.equal || figures.ended !== undefined) process.exitCode = EXIT.failure;
    });

function textOf(figures: ForgetFigures): string {
  const { messages, people, rebuildAfterMs, rankerDense, asked, forgotten, equal, ended } = figures;
  const row = (what: string, of: (one: ForgottenUser) => number): string[] => {
    const sorted = forgotten.map(of).sort((a, b) => a - b);
    const at = (share: number): string =>
      duration(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
    return [what, at(0.5), at(0.9), at(1)];
  };
  const held = forgotten.filter(({ neverHeldEqual }) => neverHeldEqual !== null);
  const all = (what: string, is: readonly boolean[]): string =>
    `${what}: ${is.filter(Boolean).length} of ${is.length} equal`;
  return [
    `${count(messages)} messages of ${count(people)} people; ${count(forgotten.length)} of ${count(asked)} forgotten, a rebuild ${rebuildAfterMs} ms after each, engine.ranker_dense ${count(rankerDense)}`,
    '',
    table(
      [
        row('no row and no statistic of the user', ({ rows }) => rows),
        row('no trained input with a part of the user', ({ trained }) => trained),
        row('all state equals a fold of the purged log', ({ exact }) => exact),
      ],
      ['time from the request until', 'median', '90 %', 'longest'],
    ),
    '',
    all(
      'tables and statistics after the rows are deleted',
      forgotten.map(({ atOnceEqual }) => atOnceEqual),
    ),
    all(
      'all state when the erasure is done',
      forgotten.map(({ exactEqual }) => exactEqual),
    ),
    all(
      'statistics, compared with a log that never contained the user',
      held.map(({ neverHeldEqual }) => neverHeldEqual === true),
    ),
    ...(ended === undefined ? [] : ['', `ENDED before all users were forgotten: ${ended}`]),
    ...(equal ? [] : ['', 'DIFFERENT: the state does not equal a fold of the purged log']),
  ].join('\n');
}
