/**
 * The streams of a server without accounts, in the folder of JetStream. nats-server keeps them under the account `$G`; as
 * soon as its configuration has accounts, it does not read them, and the log of the new account is empty without a word.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LogHiddenError } from '../errors.ts';
import { FRESHET_ACCOUNT } from './rights.ts';

/** The account of clients of a server without accounts. */
export const GLOBAL_ACCOUNT = '$G';

/** Folder of an account in the folder of JetStream (`store_dir`). */
export const accountFolder = (storeDir: string, account: string): string => join(storeDir, 'jetstream', account);

/** Names of the streams that an account has on disk. */
function streamsOf(storeDir: string, account: string): string[] {
  const folder = join(accountFolder(storeDir, account), 'streams');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Whether a server without accounts has left streams in the folder of JetStream. */
export const holdsOldLog = (storeDir: string): boolean => streamsOf(storeDir, GLOBAL_ACCOUNT).length > 0;

/**
 * Moves the streams of a stopped server to Freshet's account, by one rename, so that an interrupted move has happened or
 * not. Returns the names of the streams that it moved. Throws `LogHiddenError` if both accounts have streams, or if the
 * server encrypts its files.
 */
export function carryOver(storeDir: string): string[] {
  const streams = streamsOf(storeDir, GLOBAL_ACCOUNT);
  if (streams.length === 0) return [];
  const from = accountFolder(storeDir, GLOBAL_ACCOUNT);
  const to = accountFolder(storeDir, FRESHET_ACCOUNT);
  const there = streamsOf(storeDir, FRESHET_ACCOUNT);
  if (there.length > 0)
    throw new LogHiddenError(
      `The server would use the streams in ${to} (${there.join(', ')}) and hide those in ${from} (${streams.join(', ')}).`,
      {
        next: `stop nats-server, move the folder of the two that you do not need elsewhere, and start again`,
        details: { used: to, hidden: from },
      },
    );
  // The key of an encrypted stream depends on the name of its account.
  const encrypted = streams.find((name) => existsSync(join(from, 'streams', name, 'meta.key')));
  if (encrypted !== undefined)
    throw new LogHiddenError(
      `The streams in ${from} are encrypted (${encrypted}) for the account ${GLOBAL_ACCOUNT}, so they cannot move to ${to}.`,
      {
        next: 'take a backup from the old server (freshet backup) and restore it on the secured one (freshet restore)',
        details: { used: to, hidden: from },
      },
    );
  // The server makes the folder of an account before it has streams.
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
  return streams;
}

/** Throws `LogHiddenError` if a server without accounts would hide the log of Freshet's account. */
export function refuseHiddenLog(storeDir: string, next: string): void {
  const hidden = streamsOf(storeDir, FRESHET_ACCOUNT);
  if (hidden.length === 0) return;
  const from = accountFolder(storeDir, FRESHET_ACCOUNT);
  const used = accountFolder(storeDir, GLOBAL_ACCOUNT);
  throw new LogHiddenError(
    `A server without accounts would use the streams in ${used} and hide those in ${from} (${hidden.join(', ')}).`,
    { next, details: { used, hidden: from } },
  );
}
