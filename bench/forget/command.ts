import { Command } from 'commander';
import { count, duration, EXIT, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ForgetBenchOptions, type ForgetFigures, type ForgottenUser, runForget } from './forget.ts';

/** `npm run bench -- forget` */
export const forgetBench = (): Command =>
  new Command('forget')
    .description(
      'forgets users of your data one after the other, and compares what is left with a fold of the purged log',
    )
    .requiredOption('--data <paths...>', 'files or folders, in any form that an import takes')
    .option('--users <n>', 'users who are forgotten', positive, 50)
    .option('--never-held <n>', 'of so many the statistics are compared with a log that never held them', whole, 5)
    .option('--seed <n>', 'seed of the draw of users', whole, 1)
    .option('--rebuild-after-ms <ms>', 'erasure.rebuild_after_ms of the system', whole, 100)
    .option(
      '--ranker-dense <n>',
      'engine.ranker_dense of the system: how many lists the ranker learns from at first',
      whole,
    )
    .option('--answer-ms <ms>', 'a service has so long for an answer', positive, 600_000)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ForgetBenchOptions, 'say' | 'cut'> & { json?: boolean }) => {
      // The user who is being forgotten is waited for; a second signal ends it at once.
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
        row('no row and no statistic of theirs is left', ({ rows }) => rows),
        row('nothing that was trained has their part', ({ trained }) => trained),
        row('everything is what the purged log gives', ({ exact }) => exact),
      ],
      ['from the request until', 'median', '90 %', 'most'],
    ),
    '',
    all(
      'tables and statistics at once',
      forgotten.map(({ atOnceEqual }) => atOnceEqual),
    ),
    all(
      'everything when it is done',
      forgotten.map(({ exactEqual }) => exactEqual),
    ),
    all(
      'statistics beside a log that never held them',
      held.map(({ neverHeldEqual }) => neverHeldEqual === true),
    ),
    ...(ended === undefined ? [] : ['', `ENDED before all of them were forgotten: ${ended}`]),
    ...(equal ? [] : ['', 'DIFFERENT: what is left is not what the purged log gives']),
  ].join('\n');
}
