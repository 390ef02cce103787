import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ensureFolder } from '../../bus/service/folder.ts';
import type { SettingChange } from '../../bus/streams/compare.ts';
import { applyStreams, diffStreams, exportStreams, type StreamDifference } from '../../bus/streams/plan.ts';
import { isUnknown } from '../../bus/streams/settings.ts';
import { EXIT, note, print, printJson, table } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

/** `freshet streams` */
export const streamsVerb = (): Command =>
  new Command('streams')
    .description('compare streams.config.ts with JetStream, or apply it')
    .addCommand(
      withCommon(
        new Command('diff').description(
          'show the differences between streams.config.ts and the server; exit code 1 if there are any',
        ),
      ).action((options: CommonOptions) =>
        withSession(options, async ({ nc }) => {
          const differences = await diffStreams(nc);
          if (options.json) printJson(differences);
          else printDifferences(differences);
          if (differences.some(({ state, kind }) => state !== 'equal' && kind !== 'consumer'))
            process.exitCode = EXIT.failure;
        }),
      ),
    )
    .addCommand(
      withCommon(new Command('apply').description('change the server to match streams.config.ts'))
        .option('--lose-data', 'also make changes that delete messages; requires --yes-lose-data')
        .option('--yes-lose-data', 'confirm --lose-data')
        .action((options: CommonOptions & { loseData?: boolean; yesLoseData?: boolean }) =>
          withSession(options, async ({ nc }) => {
            const applied = await applyStreams(nc, {
              loseData: options.loseData === true && options.yesLoseData === true,
            });
            if (options.json) return printJson(applied);
            print(
              table(
                applied.map(({ kind, name, done }) => [
                  kind,
                  name,
                  kind === 'consumer' && done === 'left' ? 'left to its service' : done,
                ]),
              ),
            );
          }),
        ),
    )
    .addCommand(
      new Command('export')
        .description('write the streams as the JSON that `nats stream add --config` reads')
        .argument('[dir]', 'folder for one file per stream (default: standard output)')
        .action((dir: string | undefined) => {
          const streams = exportStreams();
          if (dir === undefined) return printJson(streams);
          ensureFolder(dir);
          for (const stream of streams) {
            const file = join(dir, `${stream.name}.json`);
            writeFileSync(file, `${JSON.stringify(stream, undefined, 2)}\n`);
            print(file);
          }
        }),
    );

function valuesOf({ setting, found, wanted }: SettingChange): string {
  const value = `${setting} is ${JSON.stringify(found)} on the server`;
  if (isUnknown(setting)) return `${value}, and this release of Freshet does not know the setting`;
  return `${value} and ${JSON.stringify(wanted)} in streams.config.ts`;
}

function printDifferences(differences: readonly StreamDifference[]): void {
  print(
    table(
      differences.map(({ kind, name, state }) => [
        kind,
        name,
        kind === 'consumer' && state === 'missing' ? 'not running' : state,
      ]),
    ),
  );
  for (const difference of differences) {
    if (difference.state === 'missing') continue;
    const line = (change: SettingChange, ...why: (string | undefined)[]): void =>
      note([`${difference.name}: ${valuesOf(change)}`, ...why.filter((one) => one !== undefined)].join('; '));
    if (difference.state === 'different')
      for (const change of difference.changes)
        line(change, change.hazard && `as it is, ${change.hazard}`, change.danger && `to change it, ${change.danger}`);
    for (const change of difference.notes ?? [])
      line(change, isUnknown(change.setting) ? undefined : "the operator's choice, Freshet leaves it");
  }
  if (differences.some(({ state, kind }) => state !== 'equal' && kind !== 'consumer'))
    note('Next: freshet streams apply');
}
