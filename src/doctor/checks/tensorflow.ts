import { createRequire } from 'node:module';
import { join } from 'node:path';
import { checkTensorflow, isTensorflowCached, nativeAbsence } from '../../../scripts/setup/tensorflow.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorProbe } from '../check.ts';

const INSTALL = 'npx freshet doctor --install tensorflow';

export const nativeTensorflowProbe: DoctorProbe = {
  required: false,
  run: async ({ root, env }) => {
    const name = 'TensorFlow native';
    let why = nativeAbsence(root);
    if (why === undefined) {
      try {
        const { version, library } = await checkTensorflow(root);
        return { name, state: 'ok', found: `tfjs-node ${version}, library ${library}` };
      } catch (err) {
        why = `installed, but it does not work: ${messageOf(err)}`;
      }
    }
    return {
      name,
      state: 'missing',
      found: why,
      // Measured on two cores, matMul of 1024: 155 GFLOP/s against 22.
      cost: 'training runs on WASM, at about a seventh of the speed; the speed of lists does not change',
      next: isTensorflowCached(env)
        ? `${INSTALL} (a few seconds, from the cache)`
        : `${INSTALL} (a download of 207 MB, 450 MB on disk, less than a minute)`,
    };
  },
};

export const wasmTensorflowProbe: DoctorProbe = {
  required: false,
  run: async ({ root }) => {
    const name = 'TensorFlow WASM';
    try {
      const require = createRequire(join(root, 'package.json'));
      const { version } = require('@tensorflow/tfjs-backend-wasm/package.json') as { version: string };
      return { name, state: 'ok', found: version };
    } catch {
      return {
        name,
        state: 'missing',
        cost: 'without native TensorFlow, the engine does not train at all',
        next: 'npm run setup',
      };
    }
  },
};
