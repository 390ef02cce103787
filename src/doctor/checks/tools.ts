import { findPip, onPath, run } from '../../../scripts/setup/process.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorCheck, DoctorProbe } from '../check.ts';

const firstLine = async (path: string, args: string[], env: NodeJS.ProcessEnv): Promise<string> => {
  try {
    const { stdout } = await run(path, args, { env, timeoutMs: 10_000, timeoutName: 'fixed' });
    return stdout.trim().split('\n')[0] ?? '';
  } catch (err) {
    return messageOf(err);
  }
};

/** Tools that Freshet itself never needs: each is one way of getting something that is missing. */
export const pythonProbe: DoctorProbe = {
  required: false,
  run: async ({ env }): Promise<DoctorCheck> => {
    const name = 'Python with pip';
    const pip = await findPip(env);
    if (pip.python !== undefined)
      return { name, state: 'ok', found: `${await firstLine(pip.python, ['--version'], env)}, ${pip.python}` };
    return {
      name,
      state: 'missing',
      found: pip.reason,
      cost: 'native TensorFlow cannot be fetched, and nats-server not as a wheel',
      next: 'apt-get install -y python3-pip, or https://www.python.org/downloads',
    };
  },
};

export const goProbe: DoctorProbe = {
  required: false,
  run: async ({ env }): Promise<DoctorCheck> => {
    const name = 'Go';
    const path = onPath('go', env);
    if (path) return { name, state: 'ok', found: `${await firstLine(path, ['version'], env)}, ${path}` };
    return {
      name,
      state: 'missing',
      cost: 'nats-server and the nats CLI cannot be built from source',
      next: 'https://go.dev/dl',
    };
  },
};

export const compilerProbe: DoctorProbe = {
  required: false,
  run: async ({ env }): Promise<DoctorCheck> => {
    const name = 'C++ compiler';
    const path = onPath('g++', env) ?? onPath('c++', env);
    if (path) return { name, state: 'ok', found: `${await firstLine(path, ['--version'], env)}, ${path}` };
    return {
      name,
      state: 'missing',
      cost: 'better-sqlite3 cannot be compiled where its binary cannot be had, and native TensorFlow not installed',
      next: process.platform === 'darwin' ? 'xcode-select --install' : 'apt-get install -y g++ make',
    };
  },
};
