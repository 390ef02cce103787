/** How a verb finds the running system, and the options that all verbs share. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { NatsConnection } from 'nats';
import { checkServer, connect, isAway } from '../bus/nats/connection.ts';
import { limitAnswers } from '../bus/nats/micro.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { NatsUnreachableError } from '../errors.ts';
import { DATA_FOLDER, readRuntime } from '../up/runtime-file.ts';

export interface CommonOptions {
  nats?: string;
  data: string;
  config?: string;
  json?: boolean;
}

/** Adds `--nats`, `--data`, `--config` and `--json`, which every verb that talks to a running system has. */
export const withCommon = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--nats <url>',
        'address of nats-server (default: $NATS_URL, then the `freshet up` that runs in --data)',
      ),
    )
    .addOption(new Option('--data <dir>', 'data folder of the running `freshet up`').default(DATA_FOLDER))
    .addOption(new Option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)'))
    .addOption(new Option('--json', 'print JSON, for programs'));

/** The address of nats-server. Throws `NatsUnreachableError` if the user names none and no `freshet up` runs here. */
export function natsUrl({ nats, data }: Pick<CommonOptions, 'nats' | 'data'>): string {
  const url = nats ?? process.env.NATS_URL ?? readRuntime(resolve(data))?.nats;
  if (url) return url;
  throw new NatsUnreachableError(
    `No \`freshet up\` runs in ${resolve(data)}, and neither --nats nor NATS_URL names a nats-server.`,
    { next: 'freshet up, or name the data folder of a running one with --data DIR' },
  );
}

export interface CliSession {
  nc: NatsConnection;
  config: Config;
  url: string;
}

/** Connects, runs `work`, then closes. Throws `NatsUnreachableError`, also if the server stops answering meanwhile. */
export async function withSession<T>(options: CommonOptions, work: (session: CliSession) => Promise<T>): Promise<T> {
  const config = loadConfig({ file: options.config });
  const url = natsUrl(options);
  const nc = await connect({ url, name: 'freshet-cli', timeoutMs: 3_000 });
  limitAnswers(nc, config.http.request_timeout_ms);
  try {
    await checkServer(nc);
    return await work({ nc, config, url });
  } catch (cause) {
    if (!isAway(cause)) throw cause;
    throw new NatsUnreachableError(`The nats-server at ${url} does not answer (${cause.code}).`, {
      next: 'run freshet status until the server answers, then run this command again',
      cause,
    });
  } finally {
    await nc.close();
  }
}
