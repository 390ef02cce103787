import { onPath, run } from '../../../scripts/setup/process.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorProbe } from '../check.ts';

const OLDEST = 20;

export const nodeProbe: DoctorProbe = {
  required: true,
  run: async () => {
    const found = `${process.version}, ${process.platform} ${process.arch}, ${process.execPath}`;
    if (Number(process.versions.node.split('.')[0]) >= OLDEST) return { name: 'Node', state: 'ok', found };
    return {
      name: 'Node',
      state: 'missing',
      found,
      cost: 'Freshet does not run',
      next: `install Node ${OLDEST} or newer: https://nodejs.org`,
    };
  },
};

export const npmProbe: DoctorProbe = {
  required: false,
  run: async ({ env }) => {
    const name = 'npm';
    const cost = 'the set-up can neither install nor repair packages';
    const next = 'install Node, which includes npm: https://nodejs.org';
    const path = onPath('npm', env);
    if (!path) return { name, state: 'missing', cost, next };
    try {
      const { stdout } = await run(path, ['--version'], { env, timeoutMs: 20_000, timeoutName: 'fixed' });
      return { name, state: 'ok', found: `${stdout.trim()}, ${path}` };
    } catch (err) {
      return { name, state: 'missing', found: messageOf(err), cost, next };
    }
  },
};
