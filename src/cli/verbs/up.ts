import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { UsageError } from '../../errors.ts';
import { createLogger } from '../../observability/log.ts';
import { DATA_FOLDER } from '../../up/runtime-file.ts';
import { PARTS, type Part, startUp } from '../../up/up.ts';
import { EXIT, note, print, printJson, report } from '../output.ts';
import { port } from '../values.ts';

interface UpVerbOptions {
  data: string;
  httpPort: number;
  natsPort: number;
  nats?: string;
  credentials?: string;
  secure?: boolean;
  demo: boolean;
  only?: (Part | typeof SERVER)[];
  config?: string;
  json?: boolean;
  logs?: boolean;
}

/** The embedded nats-server. It always starts with the other parts; with `--only nats`, nothing else starts. */
const SERVER = 'nats';

/** `freshet up` */
export const upVerb = (): Command =>
  new Command('up')
    .description('start the whole system: nats-server, the services, the HTTP gateway and a demo')
    .option('--data <dir>', 'folder for the event log, the projections and the log files', DATA_FOLDER)
    .option('--http-port <n>', 'port of the gateway; 0 for any free one', port, 8080)
    .option('--nats-port <n>', 'port of the embedded nats-server; 0 for any free one', port, 4222)
    .option('--nats <url>', 'use this nats-server instead of an embedded one (default: $NATS_URL)')
    .option('--credentials <file>', 'nkey seed or .creds file for that server (default: $FRESHET_NATS_CREDENTIALS)')
    .option(
      '--secure',
      'give the embedded nats-server accounts, keys and TLS, and carry its log over; a data folder stays secured',
    )
    .option('--no-demo', 'start without the demo bookshop')
    .addOption(
      new Option(
        '--only <parts>',
        `start only these parts: ${PARTS.join(',')}, or ${SERVER}: nats-server alone`,
      ).argParser(parts),
    )
    .option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)')
    .option('--logs', 'also print the log messages of all processes (the log files hold them in any case)')
    .option('--json', 'print one line of JSON when the system is ready')
    .addHelpText(
      'after',
      `
Examples:
  freshet up                                                   with the demo, on ports 8080 and 4222
  freshet up --no-demo --http-port 0 --nats-port 0 --json      without data, on free ports, for scripts
  freshet up --only user,engine --nats nats://10.0.0.5:4222    two services of a system on several machines`,
    )
    .action(run);

function parts(text: string): (Part | typeof SERVER)[] {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = [...PARTS, SERVER];
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(wrong)} is not a part. The parts are ${known.join(', ')}.`);
  return [...new Set(names)] as (Part | typeof SERVER)[];
}

async function run(options: UpVerbOptions): Promise<void> {
  const config = loadConfig({ file: options.config });
  if (options.credentials !== undefined) config.nats.credentials = options.credentials;
  const logger = createLogger({
    service: 'up',
    level: options.logs ? config.log.level : 'warn',
    redact: config.log.redact,
  });
  let requestStop!: () => void;
  const stopRequested = new Promise<void>((resolve) => {
    requestStop = resolve;
  });
  // A second signal changes nothing: stopping takes bounded time, and a sudden end would leave nats-server running.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => requestStop());

  const natsUrl = options.nats ?? process.env.NATS_URL;
  if (options.secure && natsUrl !== undefined)
    throw new UsageError('--secure is for the embedded nats-server, and --nats or NATS_URL names another one.', {
      next: 'freshet secure init DIR, and start your nats-server with its configuration',
    });
  const only = (options.only ?? [...PARTS]).filter((part) => part !== SERVER);
  const demo = options.demo && options.only === undefined;
  const starting = startUp({
    config,
    configFile: options.config,
    data: options.data,
    httpPort: options.httpPort,
    natsPort: options.natsPort,
    natsUrl,
    secure: options.secure === true,
    only,
    demo,
    logger,
    say: note,
    onLog: (name, line) => {
      if (options.logs) note(`${name}  ${line}`);
    },
  });
  const up = await starting;
  const outcome = await Promise.race([up.ready.catch((err: unknown) => ({ failed: err })), stopRequested]);
  if (outcome && 'failed' in outcome) {
    await up.stop();
    process.exitCode = report(outcome.failed);
    return;
  }
  if (outcome) {
    if (options.json) printJson(outcome);
    else {
      const { http, nats, data } = outcome;
      const folder = options.data === DATA_FOLDER ? undefined : options.data;
      print(readyText({ http, nats, data, demo, folder }));
    }
    await stopRequested;
  }
  note('stopping: the services commit the events that they have received');
  await up.stop();
  note('stopped');
  process.exitCode = EXIT.ok;
}

interface ReadyText {
  http: string | null;
  nats: string;
  data: string;
  /** Whether the demo's readers and books are there. */
  demo: boolean;
  /** `--data` of the commands to try; undefined for the default folder. */
  folder: string | undefined;
}

/** What the verb prints once the system is ready: where it is, and commands that work on it. */
export function readyText({ http, nats, data, demo, folder }: ReadyText): string {
  const lines = ['', 'Freshet is ready.', ''];
  if (http) lines.push(`  HTTP     ${http}   (try it: ${http}/docs)`, `  console  ${http}/console/`);
  lines.push(`  NATS     ${nats}`, `  data     ${data}   (log files in ${join(data, 'logs')})`, '');
  const freshet = (verb: string): string =>
    `  npx freshet ${verb}${folder === undefined ? '' : ` --data ${shellWord(folder)}`}`;
  if (http)
    lines.push(
      'Try:',
      ...(demo
        ? [
            freshet('recommend reader-1'),
            freshet('similar shelley-frankenstein'),
            freshet('tail --ranking reader-1'),
            `  curl '${http}/v1/users/reader-1/recommendations?n=5'`,
          ]
        : [
            `${freshet('import PATH')}    # your files: docs/how-to/import-your-history.md`,
            freshet('publish viewed u42 --item i7'),
            freshet('recommend u42'),
            freshet('status'),
            `  curl '${http}/v1/trending?n=5'`,
          ]),
      '',
    );
  lines.push('Ctrl-C stops it.');
  return lines.join('\n');
}

/** A word for a POSIX shell, quoted if it has to be. */
const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
