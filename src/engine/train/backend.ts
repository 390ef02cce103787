/**
 * TensorFlow, on the fastest backend that this machine has: tfjs-node with the native library, else WASM.
 *
 * Both give the same functions of tfjs-core; use these, not chained methods (`tf.add(a, b)`, not `a.add(b)`), because
 * only tfjs-node registers the latter.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import util from 'node:util';
import { FreshetError, messageOf } from '../../errors.ts';

export type Tensorflow = typeof import('@tensorflow/tfjs-core');
export type TensorflowBackend = 'native' | 'wasm';

export interface LoadedTensorflow {
  tf: Tensorflow;
  backend: TensorflowBackend;
  /** Version of its library. */
  version: string;
  /** Why the native library is not used; left out if it is. */
  note?: string;
}

/** The backend does not load. */
export class TensorflowUnavailableError extends FreshetError {
  readonly code = 'FRESHET_TENSORFLOW_UNAVAILABLE';
}

const INSTALL = 'npx freshet doctor --install tensorflow';
const require = createRequire(import.meta.url);

/** What tfjs-node exports beyond tfjs-core, as far as the engine uses it. */
interface NativeModule extends Tensorflow {
  version: Tensorflow['version_core'] & Record<string, string>;
}

const loadNative = async (): Promise<LoadedTensorflow> => {
  // Gone from Node 23 on, and tfjs-node 4.22.0 still calls it.
  const legacy = util as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  // The name is not a literal: the package is optional, and the type check must not depend on it.
  const name: string = '@tensorflow/tfjs-node';
  const tf = require(name) as NativeModule;
  await tf.ready();
  if (tf.getBackend() !== 'tensorflow') throw new Error(`it came up with backend ${tf.getBackend()}`);
  return { tf, backend: 'native', version: tf.version['tfjs-node'] ?? 'unknown' };
};

/**
 * Gradients of tfjs-core's operations. The package ships them as modules that only bundlers can read, and its bundle
 * for Node leaves them out (@tensorflow/tfjs has them, at 126 MB). So they are bundled here once, with the esbuild
 * that tsx brings: 0.7 s the first time, 5 ms to load afterwards. The registry they enter is global, which is why a
 * second copy of tfjs-core's internals inside the bundle does no harm.
 */
const gradientsBundle = async (version: string): Promise<string> => {
  const core = dirname(dirname(require.resolve('@tensorflow/tfjs-core')));
  const packages = core.slice(0, core.lastIndexOf(`${sep}@tensorflow${sep}`));
  const file = join(packages, '.cache', 'freshet', `tfjs-gradients-${version}.cjs`);
  if (existsSync(file)) return file;
  const { build } = createRequire(require.resolve('tsx'))('esbuild') as typeof import('esbuild');
  const { outputFiles } = await build({
    entryPoints: [join(core, 'dist', 'register_all_gradients.js')],
    bundle: true,
    write: false,
    format: 'cjs',
    platform: 'node',
    logLevel: 'silent',
  });
  mkdirSync(dirname(file), { recursive: true });
  // Renamed into place, so that a worker that starts at the same time never reads half of it.
  const half = `${file}.${process.pid}.${Date.now()}`;
  writeFileSync(half, outputFiles[0]?.contents ?? '');
  renameSync(half, file);
  return file;
};

const HOOKED = ['uncaughtException', 'unhandledRejection'] as const;

const loadWasm = async (): Promise<LoadedTensorflow> => {
  const tf = require('@tensorflow/tfjs-core') as Tensorflow;
  const entry = require.resolve('@tensorflow/tfjs-backend-wasm');
  const wasm = require(entry) as typeof import('@tensorflow/tfjs-backend-wasm');
  const before = HOOKED.map((event) => new Set(process.listeners(event as 'uncaughtException')));
  wasm.setWasmPaths(`${dirname(entry)}${sep}`);
  if (!(await tf.setBackend('wasm'))) throw new Error('the WASM backend does not start');
  await tf.ready();
  // Emscripten adds handlers to the process that end it, with a page of minified source, on any exception, even one that
  // other code would have handled.
  HOOKED.forEach((event, i) => {
    for (const listener of process.listeners(event as 'uncaughtException'))
      if (!before[i]?.has(listener)) process.removeListener(event, listener);
  });
  if (!tf.getGradient('MatMul') && !tf.getGradient('BatchMatMul')) require(await gradientsBundle(tf.version_core));
  return { tf, backend: 'wasm', version: tf.version_core };
};

const forced = (): TensorflowBackend | undefined => {
  const wanted = process.env.FRESHET_TF_BACKEND;
  return wanted === 'native' || wanted === 'wasm' ? wanted : undefined;
};

/**
 * Loads TensorFlow into this thread; works in worker threads as well. Tries the native library first, unless the caller
 * prefers WASM.
 *
 * @param options.prefer what to use; `FRESHET_TF_BACKEND` (`native` or `wasm`) overrules it. Only the environment
 *   variable forces: a preference for the native library falls back to WASM, with a note that says why.
 * @throws {TensorflowUnavailableError} if the environment requires a backend that does not load, or no backend loads
 */
export const loadTensorflow = async ({ prefer }: { prefer?: TensorflowBackend } = {}): Promise<LoadedTensorflow> => {
  const must = forced();
  let note = 'the caller prefers WASM';
  if ((must ?? prefer ?? 'native') === 'native') {
    try {
      return await loadNative();
    } catch (err) {
      note = `native TensorFlow is not used: ${reasonOf(err)}; to get it: ${INSTALL}`;
      if (must === 'native')
        throw new TensorflowUnavailableError(
          `FRESHET_TF_BACKEND is native, and native TensorFlow does not load: ${reasonOf(err)}`,
          {
            next: INSTALL,
            cause: err,
          },
        );
    }
  }
  try {
    return { ...(await loadWasm()), note };
  } catch (err) {
    throw new TensorflowUnavailableError(
      `TensorFlow loads neither with the native library nor with WASM: ${note}; WASM: ${messageOf(err)}`,
      {
        next: 'npm run setup',
        cause: err,
      },
    );
  }
};

const reasonOf = (err: unknown): string => {
  if ((err as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return '@tensorflow/tfjs-node is not installed';
  return messageOf(err).split('\n')[0] ?? '';
};

/** This module's file, for worker threads that load TensorFlow by themselves. */
export const BACKEND_MODULE: string = fileURLToPath(import.meta.url);
