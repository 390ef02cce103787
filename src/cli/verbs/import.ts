import { Command, Option } from 'commander';
import { createBulk } from '../../bus/bulk/bulk.ts';
import { refuseForgotten } from '../../bus/erasure/forgotten.ts';
import { createCodec } from '../../bus/event/codec.ts';
import { type EventIdentity, eventIdentity } from '../../bus/event/ids.ts';
import type { CloudEvent } from '../../bus/event/types.ts';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { createPoller } from '../../bus/nats/poller.ts';
import { createPublisher, publisherLimits } from '../../bus/nats/publisher.ts';
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
import { remarkOnNewerEvents } from '../newer-events.ts';
import { count, duration, EXIT, note, print, printJson } from '../output.ts';
import { createProgress } from '../progress.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';

interface ImportVerbOptions extends CommonOptions {
  format?: ImportFormat;
  map?: string;
  source?: string;
  personal?: boolean;
  timeUnit?: TimeUnit;
  timezone?: string;
  inFileOrder?: boolean;
  dryRun?: boolean;
}

interface ImportResult {
  read: number;
  published: number;
  duplicates: number;
  rejected: number;
  /** Wall clock. */
  seconds: number;
}

/** Events per request to the services' index of event identities. */
const BATCH = 2_000;
/** Most rejected rows to print; --json prints all of them. */
const REJECTED_SHOWN = 20;

/** `freshet import` */
export const importVerb = (): Command =>
  withCommon(
    new Command('import')
      .description('publish the events in data files, in order of time; a second run continues where the first stopped')
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
      .option('--dry-run', 'show what the import would do, and publish nothing'),
  ).action(run);

async function run(paths: string[], options: ImportVerbOptions): Promise<void> {
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
  const preview = options.dryRun ? await plan.preview() : undefined;
  if (!options.json) printPlan(plan, preview);
  if (options.dryRun) {
    const { format, source, stateSource, rows } = plan;
    const files = plan.files.map((file) => ({ ...file, preview: preview?.get(file.path) ?? [] }));
    if (options.json) printJson({ format, source, state_source: stateSource, files, rows });
    return;
  }
  await withSession(options, async (session) => {
    const { result, remarks } = await publishPlan(plan, session, options.json === true);
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

function printResult({ read, published, duplicates, rejected, seconds }: ImportResult): void {
  print(
    `${count(read)} rows read: ${count(published)} published, ${count(duplicates)} already in the log, ${count(rejected)} rejected; ${duration(seconds)}`,
  );
}

/** The identities that older builds gave to the interactions of a plan. */
const formerIdentities =
  ({ source, formerSources }: ImportPlan) =>
  (event: CloudEvent): EventIdentity[] =>
    event.source === source ? formerSources.map((former) => eventIdentity(former, event.id)) : [];

async function publishPlan(
  plan: ImportPlan,
  { nc, config }: CliSession,
  json: boolean,
): Promise<{ result: ImportResult; remarks: string[] }> {
  const started = performance.now();
  const publisher = createPublisher(nc, publisherLimits(config));
  const log = await createJetStreamLog({ nc, publisher });
  const { lastSeq } = await log.info();
  const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
  let rejected = 0;
  const reject = (row: { file: string; line: number; code: string; message: string }): void => {
    rejected++;
    if (json) printJson({ rejected: { file: row.file, line: row.line, code: row.code, message: row.message } });
    else if (rejected <= REJECTED_SHOWN) note(`${row.code}: ${row.file}:${row.line}: ${row.message}`);
    else if (rejected === REJECTED_SHOWN + 1) note('... and more rejected rows. Run with --json to see all of them.');
  };
  let origins: { file: string; line: number }[] = [];
  const bulk = await createBulk({
    nc,
    log,
    codec,
    publisher,
    compareWindow: config.publisher.compare_window,
    refuses: await refuseForgotten(nc),
    formerly: formerIdentities(plan),
    onRejected: (index, problem) => reject({ ...(origins[index] ?? { file: plan.source, line: 0 }), ...problem }),
  });
  const reading = createProgress('reading', 'rows', json);
  const publishing = createProgress('publishing', 'events', json);
  const remarks: string[] = [];
  let asked = false;
  let published = 0;
  let duplicates = 0;
  const watch = createPoller({
    everyMs: 200,
    run: () => {
      const { phase, rowsRead } = plan.progress();
      if (phase === 'reading') reading.update(rowsRead, plan.rows);
    },
  });
  watch.start();
  try {
    for await (const rows of plan.batches(BATCH)) {
      const events: CloudEvent[] = [];
      origins = [];
      for (const row of rows) {
        if (row.kind === 'rejected') reject(row);
        else if (row.kind === 'repeated') duplicates++;
        else {
          events.push(row.event);
          origins.push(row);
        }
      }
      if (events.length === 0) continue;
      const result = await bulk.publish(events);
      if (result.published > 0 && !asked) {
        asked = true;
        const remark = lastSeq === 0 ? undefined : await remarkOnNewerEvents(nc, events);
        if (remark !== undefined) remarks.push(remark);
      }
      published += result.published;
      duplicates += result.duplicates;
      const { yielded, events: total } = plan.progress();
      publishing.update(yielded, total);
    }
  } finally {
    await watch.stop();
    reading.end();
    publishing.end();
    await publisher.close();
  }
  const seconds = Math.round(performance.now() - started) / 1000;
  return { result: { read: plan.progress().rowsRead, published, duplicates, rejected, seconds }, remarks };
}
