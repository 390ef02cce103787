import { Command } from 'commander';
import { makeBackup } from '../../bus/backup/backup.ts';
import { type Backup, type Manifest, readBackup } from '../../bus/backup/manifest.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { isFreshetError, messageOf, UsageError } from '../../errors.ts';
import { checkOnScratch, transferLimits, transferProgress } from '../backup-check.ts';
import { count, duration, note, print, printJson, size } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

interface BackupVerbOptions extends CommonOptions {
  check?: boolean;
  ledgerOnly?: boolean;
}

/** `freshet backup` */
export const backupVerb = (): Command =>
  withCommon(
    new Command('backup')
      .description('back up the log and all that cannot be rebuilt from it, while the system runs; or check a backup')
      .argument('<dir>', 'folder of the backup; it must not exist, or be empty')
      .option('--check', 'make no backup, and check the one in the folder: restore it into a nats-server of its own')
      .option('--no-check', 'do not check the new backup')
      .option('--ledger-only', 'back up only the ledger of erasures and its key, for freshet restore --ledger')
      .addHelpText(
        'after',
        `
Examples:
  freshet backup /backups/2026-11-29            back up, and check the result
  freshet backup /backups/2026-11-29 --check    check a backup that exists
  freshet backup /backups/ledger-12 --ledger-only

The backup holds API key hashes, the key of erasures and all events: keep it as safe as the system itself.`,
      ),
  ).action((folder: string, options: BackupVerbOptions) => {
    if (options.check !== true) return make(folder, options);
    if (options.ledgerOnly)
      throw new UsageError('--check looks at a backup that exists, and --ledger-only makes one.', {
        next: 'freshet backup DIR --check, or freshet backup DIR --ledger-only',
      });
    return check(folder, options);
  });

async function make(folder: string, options: BackupVerbOptions): Promise<void> {
  const began = performance.now();
  const quiet = options.json === true;
  const manifest = await withSession(options, async ({ nc, config }) => {
    const { onProgress, end } = transferProgress('backing up', quiet);
    try {
      return await makeBackup({
        nc,
        folder,
        limits: transferLimits(config),
        fingerprints: config.backup.fingerprints,
        ledgerOnly: options.ledgerOnly === true,
        ...(options.check === false ? {} : { check: (at, made) => checkIfPossible(config, at, made, quiet) }),
        onProgress,
      });
    } finally {
      end();
    }
  });
  const seconds = (performance.now() - began) / 1_000;
  if (options.json) printJson({ folder, ...summary(manifest), seconds: Math.round(seconds * 1_000) / 1_000 });
  else printMade(folder, manifest, seconds);
}

/** A machine that only reaches the nats-server may have no program for the check. The backup is made all the same. */
async function checkIfPossible(
  config: Config,
  folder: string,
  manifest: Manifest,
  quiet: boolean,
): Promise<Manifest['checked']> {
  try {
    return await checkOnScratch(config, { folder, manifest }, quiet);
  } catch (err) {
    const unable = ['FRESHET_NATS_SERVER_UNAVAILABLE', 'FRESHET_RESTORE_REFUSED', 'FRESHET_NATS_UNREACHABLE'];
    if (!isFreshetError(err) || !unable.includes(err.code)) throw err;
    note(`The backup was not checked: ${messageOf(err)}`);
    note(`Next: freshet backup DIR --check, with a nats-server ${manifest.server.version} in NATS_SERVER_BIN`);
    return null;
  }
}

async function check(folder: string, options: BackupVerbOptions): Promise<void> {
  const quiet = options.json === true;
  const { onProgress, end } = transferProgress('reading the backup', quiet);
  const backup: Backup = await readBackup(folder, (bytes) => onProgress('', bytes)).finally(end);
  const config = loadConfig({ file: options.config });
  const checked = await checkOnScratch(config, backup, quiet);
  if (options.json) printJson({ folder, ...summary({ ...backup.manifest, checked }) });
  else print(`The backup ${folder} is complete. ${contentsText({ ...backup.manifest, checked })}`);
}

/** What a program wants to know of a backup. */
export const summary = ({ backup, began, ended, server, log, streams, erasures, checked }: Manifest) => ({
  backup,
  began,
  ended,
  server,
  log: log && {
    stream: log.stream,
    created: log.created,
    last_seq: log.last_seq,
    messages: log.messages,
    ends_at: log.ends_at,
  },
  streams: streams.map(({ stream, file, bytes, sha256, state }) => ({
    stream,
    file,
    bytes,
    sha256,
    messages: state.messages,
  })),
  bytes: streams.reduce((sum, { bytes }) => sum + bytes, 0),
  erasures: erasures.entries.length,
  checked,
});

function printMade(folder: string, manifest: Manifest, seconds: number): void {
  const { streams, bytes } = summary(manifest);
  print(`Backed up ${count(streams.length)} streams to ${folder}: ${size(bytes)} in ${duration(seconds)}.`);
  print(contentsText(manifest));
}

function contentsText({ log, erasures, checked, server }: Manifest): string {
  const ledger = `the ledger of ${count(erasures.entries.length)} erasures`;
  if (!log) return `It holds ${ledger}.`;
  const whole = `It holds ${count(log.messages)} events up to sequence ${count(log.last_seq)}, and ${ledger}.`;
  if (!checked) return `${whole} It was not checked.`;
  const { hole } = checked;
  const further =
    checked.last > log.last_seq ? ` Events came meanwhile: it goes on up to sequence ${count(checked.last)}.` : '';
  const without = hole
    ? ` nats-server ${server.version} counted on to sequence ${count(hole.last)} without archiving these events; a restore says so in the log.`
    : '';
  return `${whole}${further}${without} Checked on nats-server ${checked.server}.`;
}
