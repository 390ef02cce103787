/** How a verb finds the running system, and the options that all verbs share. */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { NatsConnection } from 'nats';
import { accessOf } from '../bus/nats/access.ts';
import { checkServer, connect, isAway, notPermitted, withoutCredentials } from '../bus/nats/connection.ts';
import { limitAnswers } from '../bus/nats/micro.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { NatsForbiddenError, NatsUnreachableError } from '../errors.ts';
import { DATA_FOLDER, readRuntime } from '../up/runtime-file.ts';
import { readContext } from './nats-context.ts';

/** The options that name a nats-server and the caller's identity on it. */
export interface ServerOptions {
  nats?: string;
  credentials?: string;
  natsContext?: string;
  data: string;
  config?: string;
}

export interface CommonOptions extends ServerOptions {
  json?: boolean;
}

/** Adds `--nats`, `--credentials` and `--nats-context`. */
export const withServer = (command: Command): Command =>
  command
    .addOption(
      new Option(
        '--nats <url>',
        'address of nats-server (default: $NATS_URL, then the `freshet up` that runs in --data)',
      ),
    )
    .addOption(
      new Option(
        '--credentials <file>',
        'nkey seed or .creds file for nats-server (default: $FRESHET_NATS_CREDENTIALS, then that of the `freshet up` in --data)',
      ),
    )
    .addOption(
      new Option('--nats-context <name>', 'take address and credentials from a saved context of the nats tool'),
    );

/** Adds what {@link withServer} adds, and `--data`, `--config` and `--json`, for verbs that talk to a running system. */
export const withCommon = (command: Command): Command =>
  withServer(command)
    .addOption(new Option('--data <dir>', 'data folder of the running `freshet up`').default(DATA_FOLDER))
    .addOption(new Option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)'))
    .addOption(new Option('--json', 'print JSON, for programs'));

/** The settings, with the identity that the options name, and the address of nats-server. */
export interface Server {
  config: Config;
  url: string;
}

/**
 * Finds the server. Throws `NatsUnreachableError` if the user names none and no `freshet up` runs here, and `UsageError` for
 * a context that Freshet cannot use.
 */
export function findServer({ nats, credentials, natsContext, data, config: file }: ServerOptions): Server {
  const config = loadConfig({ file });
  const saved = natsContext === undefined ? undefined : readContext(natsContext);
  const runtime = readRuntime(resolve(data));
  const url = nats ?? saved?.url ?? process.env.NATS_URL ?? runtime?.nats;
  if (!url)
    throw new NatsUnreachableError(
      `No \`freshet up\` runs in ${resolve(data)}, and neither --nats nor NATS_URL names a nats-server.`,
      { next: 'freshet up, or name the data folder of a running one with --data DIR' },
    );
  const beside = runtime?.nats === withoutCredentials(url) ? runtime : undefined;
  const named = credentials ?? saved?.credentials ?? config.nats.credentials;
  return {
    url,
    config: {
      ...config,
      nats: {
        ...config.nats,
        credentials: named || (beside?.credentials ?? ''),
        ca: saved?.ca ?? (config.nats.ca || (beside?.ca ?? '')),
      },
    },
  };
}

export interface CliSession extends Server {
  nc: NatsConnection;
}

/** As {@link withSession}, for verbs that only request answers of services: the caller's account may have no JetStream. */
export const withServices = <T>(options: CommonOptions, work: (session: CliSession) => Promise<T>): Promise<T> =>
  withSession(options, work, { jetstream: false });

/** Connects, runs `work`, then closes. Throws `NatsUnreachableError`, also if the server stops answering meanwhile. */
export async function withSession<T>(
  options: CommonOptions,
  work: (session: CliSession) => Promise<T>,
  needs: { jetstream?: boolean } = {},
): Promise<T> {
  const { config, url } = findServer(options);
  const nc = await connect({ url, name: 'freshet-cli', timeoutMs: 3_000, access: accessOf(config) });
  limitAnswers(nc, config.http.request_timeout_ms);
  try {
    await checkServer(nc, needs);
    return await work({ nc, config, url });
  } catch (cause) {
    const what = notPermitted(cause);
    if (what !== undefined)
      throw new NatsForbiddenError(`The identity ${config.nats.credentials || 'of this command'} may not ${what}.`, {
        next: 'name an identity that may, such as that of the operator: --credentials DIR/keys/operator.nk',
        cause,
      });
    if (!isAway(cause)) throw cause;
    throw new NatsUnreachableError(`The nats-server at ${withoutCredentials(url)} does not answer (${cause.code}).`, {
      next: 'run freshet status until the server answers, then run this command again',
      cause,
    });
  } finally {
    await nc.close();
  }
}
