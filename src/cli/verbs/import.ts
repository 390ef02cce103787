import { Command, Option } from 'commander';
import { UsageError } from '../../errors.ts';
import {
  IMPORT_FORMATS,
  type ImportFormat,
  type ImportPlan,
  type ImportRole,
  openImport,
  readColumnMap,
  TIME_UNITS,
  type TimeUnit,
} from '../../import/mod.ts';
import { type CatalogueOptions, changesInWords, hasCatalogue } from '../catalogue.ts';
import { compareCatalogue, printComparison } from '../catalogue-dry-run.ts';
import { count, duration, EXIT, note, print, printJson } from '../output.ts';
import { type ImportResult, publishPlan } from '../publish-plan.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

interface ImportVerbOptions extends CommonOptions, CatalogueOptions {
  format?: ImportFormat;
  map?: string;
  source?: string;
  personal?: boolean;
  timeUnit?: TimeUnit;
  timezone?: string;
  inFileOrder?: boolean;
  dryRun?: boolean;
}

/** `freshet import` */
export const importVerb = (): Command =>
  withCommon(
    new Command('import')
      .description(
        'publish the events in data files, in order of time, and bring the catalogue to the state of the files; a second run continues where the first stopped',
      )
      .argument('<path...>', 'files, or folders with files')
      .addOption(
        new Option(
          '--format <format>',
          'format of the files (default: found from their names and first lines)',
        ).choices([...IMPORT_FORMATS]),
      )
      .option('--map <file>', 'JSON file with the meaning of each CSV column (docs/how-to/import-your-history.md)')
      .option(
        '--source <source>',
        'source of the events (default: import; for items and users import-<name of the data>)',
      )
      .option('--personal', 'keep columns that identify a person, such as zip codes')
      .addOption(
        new Option(
          '--time-unit <form>',
          'form of the times, if the map names none (default: found from the first rows)',
        ).choices(TIME_UNITS),
      )
      .option('--timezone <zone>', 'zone of times that name none, such as Europe/Berlin (default: UTC)')
      .option('--in-file-order', 'publish interactions that have no times in the order of the file')
      .option('--withdraw-missing', 'withdraw the items of the same source that the files no longer contain')
      .option('--yes', 'withdraw them also if they are more than import.withdraw_share, or if rows were rejected')
      .option('--dry-run', 'show what the import would do, and publish nothing'),
  ).action(run);

async function run(paths: string[], options: ImportVerbOptions): Promise<void> {
  if (options.yes && !options.withdrawMissing)
    throw new UsageError('--yes allows --withdraw-missing to withdraw many items, and means nothing without it.', {
      next: 'add --withdraw-missing, or remove --yes',
    });
  const map = options.map === undefined ? undefined : await readColumnMap(options.map);
  const plan = await openImport(paths, {
    format: options.format,
    map,
    source: options.source,
    personal: options.personal,
    timeUnit: options.timeUnit,
    timezone: options.timezone,
    inFileOrder: options.inFileOrder,
  });
  if (options.withdrawMissing && !hasCatalogue(plan))
    throw new UsageError('--withdraw-missing needs a file with a catalogue, and these files hold none.', {
      next: 'freshet import FILE --dry-run, which shows what the import takes each file for',
    });
  const preview = options.dryRun ? await plan.preview() : undefined;
  if (!options.json) printPlan(plan, preview);
  if (options.dryRun) {
    const { format, source, stateSource, rows } = plan;
    const files = plan.files.map((file) => ({ ...file, preview: preview?.get(file.path) ?? [] }));
    const found = hasCatalogue(plan) ? await compareCatalogue(plan, options) : undefined;
    if (!options.json && found !== undefined) printComparison(found, options);
    const catalogue =
      typeof found === 'string' ? { catalogue: null, catalogue_unknown: found } : found && { catalogue: found };
    if (options.json) printJson({ format, source, state_source: stateSource, files, rows, ...catalogue });
    return;
  }
  await withSession(options, async (session) => {
    const { result, remarks } = await publishPlan(plan, session, options);
    for (const remark of [...remarks, ...plan.remarks()]) {
      if (options.json) printJson({ remark });
      else note(remark);
    }
    if (options.json) printJson(result);
    else printResult(result);
    if (result.published + result.duplicates === 0 && result.rejected > 0) process.exitCode = EXIT.failure;
  });
}

const ROLES: Readonly<Record<ImportRole, string>> = {
  interactions: 'a history',
  items: 'a catalogue',
  users: 'a table of users',
  events: 'events',
  ignored: 'left out',
};

/** Prints what the import takes each file for. `preview` holds the first rows of each, by its path. */
function printPlan({ format, source, stateSource, files }: ImportPlan, preview?: ReadonlyMap<string, string[]>): void {
  const has = (...roles: ImportRole[]): boolean => files.some(({ role }) => roles.includes(role));
  const sources = [
    ...(has('interactions') ? [`source of the events ${source}`] : []),
    ...(has('items', 'users') ? [`source of items and users ${stateSource}`] : []),
  ];
  note(`${[`format ${format}`, ...sources].join(', ')}:`);
  for (const { path, name, role, rows, note: what, said } of files) {
    if (role === 'ignored') {
      note(`  ${name}: ${ROLES[role]}, because ${what}`);
      continue;
    }
    note(`  ${name}: ${ROLES[role]} of about ${count(rows)} rows (${what})`);
    for (const sentence of said) note(`    ${sentence}`);
    const first = preview?.get(path) ?? [];
    if (first.length > 0) note(`    the first rows:\n${first.map((row) => `      ${row}`).join('\n')}`);
  }
}

function printResult({ read, published, duplicates, rejected, seconds, catalogue }: ImportResult): void {
  print(
    `${count(read)} rows read: ${count(published)} published, ${count(duplicates)} already in the log, ${count(rejected)} rejected; ${duration(seconds)}`,
  );
  if (catalogue) print(`catalogue: ${changesInWords(catalogue)}`);
}
