/** A process that makes a backup or restores one, and kills itself at the step that its last argument names. */
import { connect } from 'nats';
import { makeBackup } from '../../src/bus/backup/backup.ts';
import { readBackup } from '../../src/bus/backup/manifest.ts';
import { restoreBackup } from '../../src/bus/backup/restore.ts';
import { observeFileSteps } from '../../src/bus/projection/file-steps.ts';

const [what, url, folder, until] = process.argv.slice(2) as [string, string, string, string];
observeFileSteps((step) => {
  if (step === until) process.kill(process.pid, 'SIGKILL');
});
const limits = { chunkBytes: 65_536, window: 4, stallMs: 60_000 };
const nc = await connect({ servers: url });
if (what === 'backup') await makeBackup({ nc, folder, limits, fingerprints: 8 });
else await restoreBackup({ nc, backup: await readBackup(folder), limits });
await nc.close();
