import { createConnection } from 'node:net';
import { locateNatsServer, withoutPassword } from '../../../scripts/setup/nats-server.mjs';
import { onPath, run } from '../../../scripts/setup/process.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorCheck, DoctorProbe } from '../check.ts';

/** Whether a server listens at the first of the addresses. */
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
    found: `${withoutPassword(url)} does not answer`,
    cost: 'Freshet does not run: with NATS_URL set, it does not start an embedded nats-server',
    next: 'start that server with JetStream (nats-server -js), or unset NATS_URL to use the embedded one',
  };
};

/** The embedded nats-server, or the external one that NATS_URL names. */
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
        cost: 'freshet up cannot start, unless NATS_URL names a server',
        next: 'npm run setup (downloads it), or set NATS_SERVER_BIN to the path of one',
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
        cost: 'you cannot inspect the log by hand (nats stream, nats kv, nats micro); Freshet does not need it',
        next: 'go install github.com/nats-io/natscli/nats@v0.5.1',
      };
    const version = await run(path, ['--version'], { env, timeoutMs: 10_000, timeoutName: 'fixed' }).then(
      ({ stdout, stderr }) => (stdout || stderr).trim().split('\n')[0] ?? '',
      messageOf,
    );
    return { name, state: 'ok', found: `${version}, ${path}` };
  },
};
