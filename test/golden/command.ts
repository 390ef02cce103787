/** `npm run test:long -- state-hash`: folds a log, and compares the hashes of the state with the expected ones. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { differing, GOLDEN, hashState, importedLog, PINNED, pinned, type StateHash } from './state-hash.ts';

interface StateHashOptions {
  inter?: string;
  item?: string;
  user?: string;
  write?: boolean;
}

export const stateHashCommand = (): Command =>
  new Command('state-hash')
    .description(
      'fold the golden logs, or MovieLens 100K, into all services and the model, and compare the hashes (a minute)',
    )
    .option('--inter <file>', 'ml-100k.inter, which the reader downloads')
    .option('--item <file>', 'ml-100k.item')
    .option('--user <file>', 'ml-100k.user')
    .option('--write', 'write the hashes to test/golden/state-hash.json instead of comparing them')
    .action(async (options: StateHashOptions) => {
      process.exitCode = await compareHashes(options);
    });

async function compareHashes({ inter, item, user, write }: StateHashOptions): Promise<number> {
  const paths = [inter, item, user].filter((path) => path !== undefined);
  const found: Record<string, StateHash> = {};
  if (paths.length > 0)
    found[user === undefined ? 'ml-100k' : 'ml-100k with users'] = hashState(await importedLog(paths), 500);
  else
    for (const [name, { log, batches }] of Object.entries(GOLDEN)) found[name] = hashState(log(), batches[0] as number);
  console.log(JSON.stringify(found, null, 2));
  const all = pinned();
  if (write) {
    writeFileSync(PINNED, `${JSON.stringify({ ...all, ...found }, null, 2)}\n`);
    return 0;
  }
  const differs = differing(found, Object.fromEntries(Object.keys(found).map((name) => [name, all[name]])));
  if (differs.length === 0) return 0;
  console.error(`These values differ from state-hash.json: ${differs.join(', ')}.`);
  return 1;
}
