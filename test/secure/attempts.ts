/** What each identity tries on a secured bus, and how nats-server answers: the rows of the table in the docs. */
import { AckPolicy, createInbox, type NatsConnection } from 'nats';
import { call } from '../../src/bus/nats/micro.ts';
import { outgoing, viewed } from '../support/events.ts';

/** `allowed`: it has happened. `refused`: the server refused it. `unheard`: nobody was there to hear it. */
export type Outcome = 'allowed' | 'refused' | 'unheard';

export interface Attempt {
  what: string;
  try(nc: NatsConnection): Promise<Outcome>;
}

/** Milliseconds without an answer after which nobody has heard a request. */
const SILENCE_MS = 2_000;

/** The outcome of work that throws if the server refuses it. */
async function outcomeOf(work: () => Promise<unknown>): Promise<Outcome> {
  try {
    await work();
    return 'allowed';
  } catch (err) {
    const text = `${(err as Error).message} ${String((err as Error).cause ?? '')}`;
    if (/permissions violation/i.test(text)) return 'refused';
    if (/timeout|no ?responders|503|No service answers|did not answer/i.test(text)) return 'unheard';
    throw err;
  }
}

const ask = (what: string, subject: string, request: object = {}): Attempt => ({
  what,
  try: (nc) => outcomeOf(() => call(nc, subject, request as never, { timeoutMs: SILENCE_MS }).catch(passProblems)),
});

/** An answer with a problem shows that the service got the request. */
function passProblems(err: Error & { problem?: unknown }): void {
  if (!err.problem) throw err;
}

const publish = (what: string, subject: string, payload: () => Uint8Array | string): Attempt => ({
  what,
  try: (nc) => outcomeOf(() => nc.jetstream().publish(subject, payload(), { timeout: SILENCE_MS })),
});

/** An API of JetStream. It tells an account without JetStream so. */
const api = (what: string, subject: string, request: object = {}): Attempt => ({
  what,
  try: (nc) =>
    outcomeOf(async () => {
      const { data } = await nc.request(subject, JSON.stringify(request), { timeout: SILENCE_MS });
      if (/not enabled for account/i.test(Buffer.from(data).toString())) throw new Error('permissions violation');
    }),
});

/** Whether a message that `cause` leads to reaches the subscriber. */
const hear = (what: string, subject: string, cause: () => Promise<unknown>): Attempt => ({
  what,
  try: (nc) =>
    outcomeOf(async () => {
      const heard = new Promise((resolve, reject) => {
        const limit = setTimeout(() => reject(new Error('timeout')), SILENCE_MS);
        nc.subscribe(subject, {
          max: 1,
          callback: (err, msg) => {
            clearTimeout(limit);
            if (err) reject(err);
            else resolve(msg);
          },
        });
      });
      heard.catch(() => {});
      await nc.flush();
      await cause();
      await heard;
    }),
});

/**
 * @param operator a connection that causes what others try to hear
 */
export const attemptsWith = (operator: NatsConnection): Attempt[] => {
  const event = (user: string) => outgoing(viewed(user, 'i1'));
  const put = () => operator.jetstream().publish('$KV.rankings.user.u9', '{"user":"u9"}');
  return [
    publish('publish an event of a user', event('u1').subject, () => event('u1').payload),
    publish('publish a control event', 'ev.control.x.erased', () => '{}'),
    ask('request a list', 'freshet.engine.recommend', { user: 'u1' }),
    ask('request a history', 'freshet.user.history', { user: 'u1' }),
    ask('export a user', 'freshet.user.export', { user: 'nobody' }),
    ask('follow an erasure', 'freshet.user.erasure', { erasure: 'none' }),
    ask('request the status of a service', 'freshet.user.status'),
    ask('end an experiment', 'freshet.engine.end_experiment', { name: 'none' }),
    hear('hear events as they arrive', 'ev.user.>', async () => {
      const { subject, payload } = event('u2');
      await operator.jetstream().publish(subject, payload);
    }),
    api('read a message of the log', '$JS.API.STREAM.MSG.GET.EVENTS', { seq: 1 }),
    api('read the log by a consumer', '$JS.API.CONSUMER.CREATE.EVENTS', {
      stream_name: 'EVENTS',
      config: { deliver_subject: createInbox(), ack_policy: AckPolicy.None, inactive_threshold: 1_000_000_000 },
    }),
    api('read settings of the stream', '$JS.API.STREAM.INFO.EVENTS'),
    api('read a ranking', '$JS.API.DIRECT.GET.KV_rankings.$KV.rankings.user.u9'),
    hear('follow rankings', '$KV.rankings.user.u9', put),
    publish('write a ranking', '$KV.rankings.user.u9', () => '{"user":"u9"}'),
    api('read a key of the gateway', '$JS.API.DIRECT.GET.KV_keys.$KV.keys.none'),
    api('read the key of erasures', '$JS.API.DIRECT.GET.KV_erasures.$KV.erasures.none'),
    ask('list the services', '$SRV.PING'),
  ];
};
