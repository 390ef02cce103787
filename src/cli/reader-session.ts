/** The session of a verb that only reads what an account can import, so that it needs no JetStream in its own account. */
import { accessOf } from '../bus/nats/access.ts';
import { connect } from '../bus/nats/connection.ts';
import { limitAnswers } from '../bus/nats/micro.ts';
import { type CliSession, findServer, type ServerOptions } from './session.ts';

/** Connects, runs `work`, then closes. Throws `NatsUnreachableError`. */
export async function withReader<T>(options: ServerOptions, work: (session: CliSession) => Promise<T>): Promise<T> {
  const { config, url } = findServer(options);
  const nc = await connect({ url, name: 'freshet-cli', timeoutMs: 3_000, access: accessOf(config) });
  limitAnswers(nc, config.http.request_timeout_ms);
  try {
    return await work({ nc, config, url });
  } finally {
    await nc.close();
  }
}
