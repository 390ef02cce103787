import { createConnection } from 'node:net';
import { locateNatsServer, withoutPassword } from '../../../scripts/setup/nats-server.mjs';
import { onPath, run } from '../../../scripts/setup/process.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorCheck, DoctorProbe } from '../check.ts';

/** Whether somebody listens there; the first address of several decides. */
const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    try {
      const first = url.split(',')[0]?.trim() ?? '';
      const { hostname, port } = new URL(/:\/\//.test(first) ? first : `nats://${first}`);
      const socket = createConnection({ host: hostname, port: Number(port || 4222), timeout: 3_000 });
      const done = (answer: boolean) => {
        socket.destroy();
        resolve(answer);
      };
      socket.once('connect', () => done(true));
      socket.once('timeout', () => done(false));
      socket.once('error', () => done(false));
    } catch {
      resolve(false);
    }
  });

const external = async (url: string): Promise<DoctorCheck> => {
  const name = 'NATS_URL';
  if (await answers(url)) return { name, state: 'ok', found: `${withoutPassword(url)}, answers` };
  return {
    name,
    state: 'missing',
    found: `${withoutPassword(url)}, nobody answers`,
    cost: 'nothing runs: with NATS_URL set no server is embedded',
    next: 'start that server with JetStream on (nats-server -js), or unset NATS_URL to use the embedded one',
  };
};

/** The embedded server, or the external one when NATS_URL names it. */
export const natsServerProbe: DoctorProbe = {
  required: true,
  run: async ({ env }) => {
    if (env.NATS_URL) return external(env.NATS_URL);
    const name = 'nats-server';
    try {
      const found = await locateNatsServer({ env, allowDownload: false });
      if ('url' in found) return external(found.url);
      return { name, state: 'ok', found: `${found.version} from ${found.origin}, ${found.path}` };
    } catch (err) {
      return {
        name,
        state: 'missing',
        found: messageOf(err),
        cost: 'freshet up has no server to run on, unless NATS_URL names one',
        next: 'npm run setup (fetches it), or set NATS_SERVER_BIN to one that you have',
      };
    }
  },
};

export const natsCliProbe: DoctorProbe = {
  required: false,
  run: async ({ env }) => {
    const name = 'nats CLI';
    const path = onPath('nats', env);
    if (!path)
      return {
        name,
        state: 'missing',
        cost: 'the tour of the log by hand (nats stream, nats kv, nats micro) is not possible; nothing else',
        next: 'go install github.com/nats-io/natscli/nats@v0.5.1',
      };
    const version = await run(path, ['--version'], { env, timeoutMs: 10_000, timeoutName: 'fixed' }).then(
      ({ stdout, stderr }) => (stdout || stderr).trim().split('\n')[0] ?? '',
      messageOf,
    );
    return { name, state: 'ok', found: `${version}, ${path}` };
  },
};
