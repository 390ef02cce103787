/**
 * Work in a thread of its own, so that serving and folding go on. The thread starts with its first order. If it ends, its
 * orders fail, and the next order starts another one.
 */
import { fileURLToPath } from 'node:url';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { messageOf } from '../../errors.ts';

/**
 * Plain JavaScript, because the thread's module is TypeScript: it starts from the bundle, which takes a third of the time
 * that tsx takes to read its modules one by one. Another entry is read by tsx.
 */
const BOOT = `
  const { workerData } = require('node:worker_threads');
  (async () => {
    const { bundle, root, program, tsx, entry } = workerData;
    if (entry === undefined) return (await import(bundle)).loadProgram(root, program);
    (await import(tsx)).register();
    await import(entry);
  })().catch((err) => { throw err; });
`;
const ROOT = new URL('../../../', import.meta.url);

/** The module of a thread. */
export interface ThreadProgram {
  /** The program in the bundle (scripts/setup/bundle.mjs). */
  program: string;
  /** URL of another module to run in its place, read by tsx. */
  entry?: string | undefined;
  /** What the module gets as `workerData.data`. */
  data?: unknown;
}

/** Starts a thread that does not keep the process alive. */
export function startThread({ program, entry, data }: ThreadProgram): Worker {
  const worker = new Worker(BOOT, {
    eval: true,
    env: SHARE_ENV,
    workerData: {
      bundle: new URL('scripts/setup/bundle.mjs', ROOT).href,
      root: fileURLToPath(ROOT),
      program,
      tsx: import.meta.resolve('tsx/esm/api'),
      entry,
      data,
    },
  });
  worker.unref();
  return worker;
}

/** What a thread answers to the order with this number. */
export type ThreadReply<Reply> = ({ id: number; ok: true } & Reply) | { id: number; ok: false; message: string };

/** The module gets the number of each order beside its members. */
export interface ThreadOptions extends ThreadProgram {
  /** The error of an order whose thread could not carry it out, by a sentence. */
  failure: (message: string, cause?: unknown) => Error;
  /** What the thread is called in sentences. */
  name: string;
}

export interface Thread<Order, Reply> {
  /** Starts the thread now, so that the first order does not wait for that. */
  start(): void;
  /** Rejects with the error of {@link ThreadOptions.failure}. */
  request(order: Order): Promise<Reply>;
  /** Ends the thread; its orders fail for this reason. The next order starts another one. */
  end(why: string): Promise<void>;
}

interface Pending<Reply> {
  resolve(reply: Reply): void;
  reject(err: unknown): void;
}

export function createThread<Order extends object, Reply extends object>(options: ThreadOptions): Thread<Order, Reply> {
  const { failure, name } = options;
  const pending = new Map<number, Pending<Reply>>();
  let worker: Worker | undefined;
  let orders = 0;

  function failAll(message: string, cause?: unknown): void {
    const waiting = [...pending.values()];
    pending.clear();
    for (const { reject } of waiting) reject(failure(message, cause));
  }

  function ensureWorker(): Worker {
    if (worker !== undefined) return worker;
    const own = startThread(options);
    worker = own;
    own.on('message', (reply: ThreadReply<Reply>) => {
      const order = pending.get(reply.id);
      pending.delete(reply.id);
      if (pending.size === 0) own.unref();
      if (reply.ok) order?.resolve(reply);
      else order?.reject(failure(reply.message));
    });
    const gone = (why: string, cause?: unknown): void => {
      if (worker !== own) return;
      worker = undefined;
      failAll(why, cause);
    };
    own.on('error', (err) => gone(`the ${name} died: ${messageOf(err)}`, err));
    own.on('exit', (code) => gone(`the ${name} ended with code ${code}`));
    return own;
  }

  return {
    start: () => void ensureWorker(),
    request: (order) => {
      const own = ensureWorker();
      const id = ++orders;
      return new Promise<Reply>((resolve, reject) => {
        pending.set(id, { resolve, reject });
        // The thread keeps the process alive while a caller waits.
        own.ref();
        own.postMessage({ ...order, id });
      });
    },
    end: async (why) => {
      const own = worker;
      worker = undefined;
      failAll(why);
      await own?.terminate();
    },
  };
}
