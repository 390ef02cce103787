import { dirname, join, resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { loadConfig } from '../../config/load.ts';
import { UsageError } from '../../errors.ts';
import { carryOver, holdsOldLog } from '../../secure/carry-over.ts';
import { addApp, removeApp, rotateCertificates, rotateKey } from '../../secure/change.ts';
import { checkSecure, type SecureCheck } from '../../secure/check.ts';
import { keyFile, pidFile, readIdentities, serverFile, writeIdentities } from '../../secure/files.ts';
import { appIdentity } from '../../secure/identities.ts';
import { APP_DEFAULT, initSecure } from '../../secure/init.ts';
import { APP_RIGHTS, type AppRight } from '../../secure/rights.ts';
import { refuseRunning } from '../../secure/stopped.ts';
import { DATA_FOLDER, readRuntime } from '../../up/runtime-file.ts';
import { SECURE_FOLDER } from '../../up/secured.ts';
import { EXIT, note, print, printJson, table } from '../output.ts';

interface DirOptions {
  dir: string;
  config?: string;
  json?: boolean;
}

interface InitVerbOptions {
  listen: string;
  store: string;
  host: string[];
  app: string[];
  cert?: string;
  key?: string;
  ca?: string;
  tls: boolean;
  discovery?: boolean;
  inboxPrefix: string[];
  config?: string;
  json?: boolean;
}

const DEFAULT_DIR = join(DATA_FOLDER, SECURE_FOLDER);

const withDir = (command: Command): Command =>
  command
    .option('--dir <dir>', 'folder of the secured bus', DEFAULT_DIR)
    .addOption(new Option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)'))
    .option('--json', 'print JSON, for programs');

/** `freshet secure` */
export const secureVerb = (): Command =>
  new Command('secure')
    .description('give each program an identity of its own on the bus, in an account that holds')
    .addCommand(initCommand())
    .addCommand(
      withDir(
        new Command('add-app')
          .description('add an application with a key and an account of its own')
          .argument('<name>', 'name of the application', appNameOf)
          .requiredOption('--may <rights>', `what it may do: ${APP_RIGHTS.join(',')}`, rights),
      ).action((name: string, { dir, json, may }: DirOptions & { may: AppRight[] }) => {
        const file = addApp(dir, name, may);
        told(json, { identity: appIdentity(name), may, key_file: file }, [
          `The application ${name} may ${may.join(', ')}. Its key is ${file}; give the file to it.`,
        ]);
        noteReloads(dir);
      }),
    )
    .addCommand(
      withDir(
        new Command('remove-app')
          .description('remove an application: its key stops working')
          .argument('<name>', 'name of the application', appNameOf),
      ).action((name: string, { dir, json }: DirOptions) => {
        removeApp(dir, name);
        told(json, { removed: appIdentity(name) }, [`The application ${name} is removed.`]);
        noteReload(dir);
      }),
    )
    .addCommand(
      withDir(
        new Command('rotate')
          .description('replace the key of an identity, or the certificate of nats-server')
          .argument('<name>', 'name of an identity, such as services or app-shop; or certificates'),
      ).action(async (name: string, { dir, json, config }: DirOptions) => {
        if (name === 'certificates') {
          const { authority } = await rotateCertificates(dir, loadConfig({ file: config }));
          told(json, { rotated: name, authority }, [
            authority
              ? `nats-server has a new certificate, of a new authority: give ${resolve(dir, 'tls/ca.pem')} to all clients.`
              : 'nats-server has a new certificate, of the same authority.',
          ]);
        } else {
          const file = rotateKey(dir, name);
          told(json, { rotated: name, key_file: file }, [`The identity ${name} has a new key: ${file}.`]);
        }
        noteReload(dir);
      }),
    )
    .addCommand(
      withDir(
        new Command('apply').description(
          'write the configuration of nats-server again, after a change of identities.json',
        ),
      ).action(({ dir, json }: DirOptions) => {
        writeIdentities(dir, readIdentities(dir));
        told(json, { written: serverFile(dir) }, [`${serverFile(dir)} and accounts.conf are written.`]);
        noteReload(dir);
      }),
    )
    .addCommand(
      withDir(
        new Command('check').description(
          'show the identities, the days left of certificates, and what is wrong; exit code 1 if anything is',
        ),
      ).action(({ dir, json, config }: DirOptions) => {
        const found = checkSecure(dir, loadConfig({ file: config }));
        if (json) printJson(found);
        else printCheck(found);
        if (found.findings.length > 0) process.exitCode = EXIT.failure;
      }),
    )
    .addCommand(
      withDir(
        new Command('carry-over').description(
          'move the streams of a stopped nats-server without accounts to the account of Freshet',
        ),
      ).action(async ({ dir, json }: DirOptions) => {
        const { store_dir, listen } = readIdentities(dir);
        const storeDir = resolve(dir, store_dir);
        if (holdsOldLog(storeDir)) await refuseRunning(listen);
        const streams = carryOver(storeDir);
        told(json, { streams }, [
          streams.length === 0 ? 'There is nothing to carry over.' : `Carried over: ${streams.join(', ')}.`,
        ]);
      }),
    );

const initCommand = (): Command =>
  new Command('init')
    .description(
      'make the keys, the certificates and the configuration of a nats-server on which accounts separate identities',
    )
    .argument('[dir]', 'folder to make', DEFAULT_DIR)
    .option('--listen <address>', 'address that nats-server listens on', '127.0.0.1:4222')
    .option('--store <dir>', 'folder of JetStream; what a server without accounts left there is carried over', 'store')
    .option('--host <name>', 'name or address in the certificate; may be repeated', collect, [])
    .option('--app <name>', `application with the rights ${APP_DEFAULT.join(', ')}; may be repeated`, collect, [])
    .option('--cert <file>', 'certificate of nats-server to use, PEM; with --key and --ca')
    .option('--key <file>', 'key of that certificate, PEM')
    .option('--ca <file>', 'authority that signed it, PEM')
    .option('--no-tls', 'without TLS, for a server on loopback or behind a proxy')
    .option('--discovery', 'let the identity monitor list the services (`nats micro`)')
    .option('--inbox-prefix <prefix>', 'prefix of inboxes to which services may answer; may be repeated', collect, [])
    .addOption(new Option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)'))
    .option('--json', 'print JSON, for programs')
    .action(init);

async function init(dir: string, options: InitVerbOptions): Promise<void> {
  const { listen, host, app, discovery = false, inboxPrefix, json } = options;
  const storeDir = resolve(dir, options.store === 'store' ? 'store' : resolve(options.store));
  if (holdsOldLog(storeDir)) await refuseRunning(listen);
  const { identities, tls } = await initSecure({
    dir,
    listen,
    storeDir,
    apps: app.map(appNameOf),
    discovery,
    inboxPrefixes: inboxPrefix,
    tls: tlsOf(options, host),
    config: loadConfig({ file: options.config }),
  });
  const carried = carryOver(storeDir);
  told(json, { dir: resolve(dir), identities: identities.map(({ name }) => name), carried_over: carried }, [
    `${resolve(dir)} holds the keys of ${identities.map(({ name }) => name).join(', ')}.`,
    ...(carried.length > 0 ? [`Carried over from a server without accounts: ${carried.join(', ')}.`] : []),
  ]);
  note(`Next: nats-server -c ${serverFile(resolve(dir))}`);
  const variables = {
    FRESHET_NATS_CREDENTIALS: keyFile(resolve(dir), 'services'),
    FRESHET_NATS_ANSWER_CREDENTIALS: keyFile(resolve(dir), 'answers'),
    ...(tls ? { FRESHET_NATS_CA: resolve(dir, tls.ca) } : {}),
    ...(inboxPrefix.length > 0 ? { FRESHET_NATS_INBOX_PREFIXES: JSON.stringify(inboxPrefix) } : {}),
  };
  note(`Then, with these variables, freshet up --nats nats://${listen}`);
  for (const [name, value] of Object.entries(variables)) note(`  ${name}=${value}`);
}

function tlsOf({ tls, cert, key, ca }: InitVerbOptions, hosts: string[]) {
  if (!tls) return null;
  if (cert === undefined && key === undefined && ca === undefined) return { hosts: [...LOCAL_HOSTS, ...hosts] };
  if (cert === undefined || key === undefined || ca === undefined)
    throw new UsageError('A certificate needs all of --cert, --key and --ca.', { next: 'name the three files' });
  return { cert: resolve(cert), key: resolve(key), ca: resolve(ca) };
}

/** Each certificate has these. Clients of Node check `localhost` for any address that is not a name. */
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

const collect = (text: string, before: string[]): string[] => [...before, text];

function appNameOf(text: string): string {
  if (!/^[a-z][a-z0-9_-]{0,30}$/.test(text))
    throw new InvalidArgumentError('Give a name of lower-case letters, digits, - and _, at most 31.');
  return text;
}

function rights(text: string): AppRight[] {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = APP_RIGHTS;
  const wrong = names.find((name) => !known.includes(name));
  if (wrong !== undefined)
    throw new InvalidArgumentError(`${JSON.stringify(wrong)} is not a right. The rights are ${known.join(', ')}.`);
  return [...new Set(names)] as AppRight[];
}

function told(json: boolean | undefined, value: object, lines: string[]): void {
  if (json) printJson(value);
  else for (const line of lines) print(line);
}

/** The embedded server of `freshet up` is not on PATH; on a server of your own, its program is at hand. */
function reloadOf(dir: string): string {
  const embedded = readRuntime(dirname(resolve(dir)))?.nats_pid;
  return embedded === undefined ? `nats-server --signal reload=${pidFile(resolve(dir))}` : `kill -HUP ${embedded}`;
}

/** A running server goes on with what it read until it reloads. */
const noteReload = (dir: string): void => note(`Next: ${reloadOf(dir)}`);

/** nats-server gives a new account its imports at the second reload (2.9.10 to 2.15.1). */
function noteReloads(dir: string): void {
  note(`Next: ${reloadOf(dir)} && sleep 1 && ${reloadOf(dir)}`);
  note('It reloads twice, because nats-server gives a new account what it imports at the second time.');
}

function printCheck({ identities, certificates, findings }: SecureCheck): void {
  print(
    table(
      identities.map(({ name, may }) => [name, may.join(', ')]),
      ['identity', 'may'],
    ),
  );
  if (certificates.length > 0) {
    print('');
    print(
      table(
        certificates.map(({ file, days_left }) => [file, days_left]),
        ['certificate', 'days left'],
      ),
    );
  }
  for (const { message, next } of findings) note(`\n${message}\nNext: ${next}`);
  if (findings.length === 0) note('\nNothing is wrong.');
}
