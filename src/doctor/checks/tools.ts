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

/** Tools that Freshet never needs at run time. The set-up can use each to install something else. */
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
      cost: 'the set-up cannot download native TensorFlow, nor nats-server as a wheel',
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
      cost: 'the set-up cannot build nats-server from source, and you cannot build the nats CLI',
      next: 'install Go: https://go.dev/dl',
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
      cost: 'the set-up cannot compile better-sqlite3 if it finds no binary, nor install native TensorFlow',
      next: process.platform === 'darwin' ? 'xcode-select --install' : 'apt-get install -y g++ make',
    };
  },
};
