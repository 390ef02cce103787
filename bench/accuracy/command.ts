import { Command, InvalidArgumentError, Option } from 'commander';
import { note, print, printJson } from '../../src/cli/output.ts';
import { json as jsonObject, positive, whole } from '../../src/cli/values.ts';
import { type AccuracyOptions, measureAccuracy } from './accuracy.ts';
import { GuardFailedError } from './guards.ts';
import { textOf } from './report.ts';

/** A share of the stream, between 0 and 1. */
function share(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('It takes a number between 0 and 1.');
  return value;
}

/** `npm run bench -- accuracy` */
export const accuracyBench = (): Command =>
  new Command('accuracy')
    .description(
      'measure how often the engine ranks the next item among the first ten, compared with plain methods on the same events',
    )
    .requiredOption('--inter <file>', 'interactions: an atomic file of RecBole, or lines `user item item ...`')
    .option('--item <file>', 'items of an atomic file, published as the catalogue')
    .option('--attributes <file>', 'attributes of the items of lines, as JSON: {"item": ["attribute", ...]}')
    .addOption(
      new Option('--protocol <name>', 'which events the methods learn, and which items they must predict')
        .choices(['prequential', 'last-out', 'item-cold'])
        .default('prequential'),
    )
    .option('--warm <share>', 'prequential: share of the stream that the methods only learn from', share, 0.85)
    .option('--tune <share>', 'prequential: to choose settings, predict from this share on and stop at --warm', share)
    .addOption(
      new Option(
        '--hold <n>',
        'last-out: items at the end of each history that the methods do not learn (lines: 2, else 1)',
      ).choices(['1', '2']),
    )
    .option('--validate', 'last-out: to choose settings, predict the last item but one', false)
    .option('--seed <n>', 'seed of samples, shuffles and held-out items', whole, 1)
    .option('--seeds <n>', 'item-cold: rounds, each with the next seed', positive, 3)
    .option('--sample <n>', 'predict only so many items, drawn at random', positive)
    .option(
      '--shuffle-targets',
      'predict the targets of other users: every method must fall to the level of popularity',
      false,
    )
    .option('--depth <n>', 'length of the lists of the engine', positive, 100)
    .addOption(
      new Option('--engine <which>', 'live: also through nats-server and the service, which must give the same lists')
        .choices(['model', 'live'])
        .default('model'),
    )
    .option(
      '--beside <settings>',
      'also measure an engine with other settings, as JSON: {"ranker_form": "linear"}',
      jsonObject,
    )
    .option('--sequence <steps>', 'also measure a sequence network, trained for so many steps (minutes)', positive)
    .option('--json', 'write JSON')
    .action(async ({ json, hold, ...options }: Omit<AccuracyOptions, 'say'> & { json?: boolean }) => {
      const held = hold === undefined ? undefined : (Number(hold) as 1 | 2);
      const { figures, objections } = await measureAccuracy({ ...options, hold: held, say: note });
      if (json) printJson({ ...figures, objections });
      else print(textOf(figures));
      if (objections.length > 0) throw new GuardFailedError(objections.join('; '));
    });
