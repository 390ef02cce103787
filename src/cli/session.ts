/** How a verb finds the running system, and what all verbs share. */
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

/** `--nats`, `--data`, `--config`, `--json`: the same on every verb that talks to a running system. */
export const withCommon = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--nats <url>',
        'address of nats-server (default: $NATS_URL, then the running `freshet up` of this folder)',
      ),
    )
    .addOption(new Option('--data <dir>', 'data folder of the running `freshet up`').default(DATA_FOLDER))
    .addOption(new Option('--config <file>', 'settings (default: $FRESHET_CONFIG, then freshet.config.json)'))
    .addOption(new Option('--json', 'write JSON, for machines'));

/** The address of the system to talk to. Throws `NatsUnreachableError` where none is named and none runs here. */
export function natsUrl({ nats, data }: Pick<CommonOptions, 'nats' | 'data'>): string {
  const url = nats ?? process.env.NATS_URL ?? readRuntime(resolve(data))?.nats;
  if (url) return url;
  throw new NatsUnreachableError(
    `No freshet is running in ${resolve(data)}, and no server is named by --nats or NATS_URL.`,
    { next: 'freshet up' },
  );
}

export interface CliSession {
  nc: NatsConnection;
  config: Config;
  url: string;
}

/** Connects, does the work, closes. Throws `NatsUnreachableError` also where the server falls silent on the way. */
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
    throw new NatsUnreachableError(`nats-server at ${url} does not answer (${cause.code}).`, {
      next: 'freshet status, and again once the server answers',
      cause,
    });
  } finally {
    await nc.close();
  }
}
