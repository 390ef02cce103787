import { resolve } from 'node:path';
import { Command } from 'commander';
import { readBackup, readManifest } from '../../bus/backup/manifest.ts';
import { type RestoredBackup, restoreBackup } from '../../bus/backup/restore.ts';
import { createJetStreamLog } from '../../bus/log/jetstream.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { transferLimits, transferProgress } from '../backup-check.ts';
import { type KeptProjection, keptProjections } from '../kept-projections.ts';
import { count, note, print, printJson } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { positive } from '../values.ts';

interface RestoreVerbOptions extends CommonOptions {
  replace?: boolean;
  ledger?: string[];
  replicas?: number;
}

/** `freshet restore` */
export const restoreVerb = (): Command =>
  withCommon(
    new Command('restore')
      .description('restore a backup into a nats-server on which no service runs')
      .argument('<dir>', 'folder of the backup')
      .option(
        '--replace',
        'delete the streams that the server has, with all their messages; the ledger of erasures of the same system stays',
      )
      .option(
        '--ledger <dir...>',
        'newer backups of the same system, also with --ledger-only: users whom Freshet forgot until then stay forgotten',
      )
      .option('--replicas <n>', 'copies that a cluster keeps of each stream (default: as in the backup)', positive)
      .addHelpText(
        'after',
        `
Examples:
  freshet up --only nats                            the embedded server alone; then, in another terminal:
  freshet restore /backups/2026-11-29
  freshet restore /backups/2026-11-29 --ledger /backups/ledger-12 --replace`,
      ),
  ).action((folder: string, options: RestoreVerbOptions) =>
    withSession(options, async ({ nc, config }) => {
      const quiet = options.json === true;
      const reading = transferProgress('reading the backup', quiet);
      const backup = await readBackup(resolve(folder), (bytes) => reading.onProgress('', bytes)).finally(reading.end);
      const ledgers = (options.ledger ?? []).map((newer) => readManifest(resolve(newer)));
      if (options.replace && !quiet)
        note('--replace: the streams of Freshet on this nats-server are deleted and restored from the backup.');
      const { onProgress, end } = transferProgress('restoring', quiet);
      const restored = await restoreBackup({
        nc,
        backup,
        limits: transferLimits(config),
        replace: options.replace === true,
        ledgers,
        replicas: options.replicas,
        onProgress,
      }).finally(end);
      const publisher = createPublisher(nc);
      try {
        const log = await createJetStreamLog({ nc, publisher });
        const projections = await keptProjections(resolve(options.data), log);
        if (options.json) printJson({ folder, ...restored, projections });
        else printRestored(folder, restored, projections, options.data);
      } finally {
        await publisher.close();
      }
    }),
  );

function printRestored(
  folder: string,
  { messages, last, hole, repeated, users, backup_seq: end, record }: RestoredBackup,
  projections: readonly KeptProjection[],
  data: string,
): void {
  print(
    `Restored ${folder}: ${count(messages)} events up to sequence ${count(last)}${last > end ? ` (${count(last - end)} came while the backup was made)` : ''}.`,
  );
  if (hole)
    print(
      `The sequences ${count(hole.first)} to ${count(hole.last)} hold no message: the server counted them while it made the backup. The record at ${count(Number(record))} says so.`,
    );
  if (repeated > 0)
    print(
      `Repeated ${count(repeated)} erasures that are newer than the backup: ${count(users)} users and sessions stay forgotten.`,
    );
  for (const { instance, seq, refused } of projections)
    print(
      refused
        ? `The projection of ${instance} in ${data} does not fit: ${refused.message} Next: freshet up, then freshet replay ${instance.replace(/-\d+$/, '')}`
        : `The projection of ${instance} in ${data} goes on from sequence ${count(seq)}.`,
    );
  print('Next: stop freshet up --only nats if it runs, and start the system: freshet up');
}
