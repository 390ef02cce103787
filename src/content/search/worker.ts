/** Entry of the thread of searches: reads the projection's file, one search after another. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { ThreadReply } from '../../bus/service/thread.ts';
import { messageOf } from '../../errors.ts';
import { createFinder, type Found, type SearchOrder } from './find.ts';

/** What the thread reads. */
export interface SearchedFile {
  file: string;
  /** KiB of SQLite's page cache. */
  cacheKib: number;
}

const port = parentPort;
if (port === null) throw new Error('this module is the entry of a worker thread');
const { file, cacheKib } = (workerData as { data: SearchedFile }).data;
const db = new Database(file, { readonly: true, fileMustExist: true });
db.pragma(`cache_size = -${cacheKib}`);
const find = createFinder(db);

port.on('message', ({ id, ...order }: SearchOrder & { id: number }) => {
  let reply: ThreadReply<Found>;
  try {
    reply = { id, ok: true, ...find(order) };
  } catch (err) {
    reply = { id, ok: false, message: messageOf(err) };
  }
  port.postMessage(reply);
});
