/** Requests whose reply subject belongs to a stream, a bucket, a service or the server. */
import { createInbox, type ServiceStats } from 'nats';
import { describe, expect, it } from 'vitest';
import { viewed } from '../../../test/support/events.ts';
import { metric, useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';

const services = useServices('replies');
const { start, publish, caughtUp, ask } = services;

/** Where a caller must not have a service write. */
const REFUSED = [
  'ev.control.x.erased',
  'ev.user.u1.viewed',
  'ev.content.i1.published',
  'dlq.user.user.u1.viewed',
  'out.engine.snapshot',
  '$KV.rankings.user.u1',
  '$KV.keys.k1',
  '$O.snapshots.M.x',
  '$JS.API.STREAM.PURGE.EVENTS',
  '$JS.API.STREAM.DELETE.KV_rankings',
  '$SYS.REQ.SERVER.PING',
  '$SRV.PING',
  'freshet.user.forget',
  'freshet.engine.recommend',
  'somebody',
  '_R_',
  '_INBOX',
  '_INBOXES.x',
  '_INBOX.>',
  '_INBOX.*.x',
  '_INBOX..x',
];

/** Messages of each stream, and the newest message of it. */
async function contents(): Promise<Record<string, number[]>> {
  const { streams } = await services.nc.jetstreamManager();
  const found: Record<string, number[]> = {};
  // The engine renews its lease and publishes the trending list by itself.
  for await (const { config, state } of streams.list())
    if (!['KV_leases'].includes(config.name)) found[config.name] = [state.messages, state.last_seq];
  return found;
}

describe('a reply subject that is no inbox', () => {
  it('makes no service write into a stream, a bucket, another service or the server', async () => {
    await start('user');
    const engine = await start('engine', { settings: { engine: { publish_rankings: false } } });
    await caughtUp(await publish(viewed('u1', 'i1')));
    const { nc, logged } = services;
    const before = await contents();
    const heard: string[] = [];
    for (const space of [
      'ev.>',
      'dlq.>',
      'out.>',
      '$KV.>',
      '$O.>',
      '$SYS.>',
      'somebody',
      '_INBOXES.>',
      '_R_',
      '_INBOX',
    ])
      nc.subscribe(space, { callback: (_err, { subject }) => void heard.push(subject) });
    const requests = [
      'freshet.engine.recommend',
      'freshet.user.get',
      '$SRV.PING',
      '$SRV.INFO.freshet-engine',
      '$SRV.STATS',
    ];
    for (const reply of REFUSED)
      for (const request of requests) nc.publish(request, JSON.stringify({ user: 'u1' }), { reply });
    // A refused request is not carried out either.
    nc.publish('freshet.user.forget', JSON.stringify({ user: 'u1' }), { reply: 'ev.user.u1.viewed' });
    // These come after those above, on the same subscriptions.
    expect(await ask('engine.recommend', { user: 'u1' })).toMatchObject({ user: 'u1' });
    expect(await ask('user.get', { user: 'u1' })).toMatchObject({ events: 1 });
    for await (const _ of await nc.services.client().stats());
    expect(await contents()).toEqual(before);
    expect(heard).toEqual([]);

    const stats: ServiceStats[] = [];
    for await (const one of await nc.services.client().stats('freshet-engine')) stats.push(one);
    const of = (name: string) => stats[0]?.endpoints?.find((one) => one.name === name);
    expect(of('recommend')).toMatchObject({ num_errors: REFUSED.length, last_error: '403 FRESHET_REPLY_REFUSED' });
    expect(of('status')?.data).toMatchObject({ refused_replies: 4 * REFUSED.length });
    expect(await metric(engine, 'freshet_refused_replies_total')).toBeGreaterThan(0);
    const lines = logged.filter(({ msg }) => /dropped/.test(String(msg)));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThanOrEqual(4);
    expect(JSON.stringify(lines)).not.toContain('u1.viewed');
  });

  it('differs from the inboxes of clients, those with a prefix of their own, and those in the settings', async () => {
    await start('user', { settings: { nats: { inbox_prefixes: ['acme.answers'] } } });
    const { nc } = services;
    for (const prefix of ['_INBOX', '_INBOX_app', 'acme.answers']) {
      const inbox = createInbox(prefix);
      let answer: unknown;
      nc.subscribe(inbox, {
        callback: (_err, message) => {
          answer = message.json();
        },
      });
      nc.publish('freshet.user.status', '{}', { reply: inbox });
      expect(await until(() => answer, { what: `an answer on ${prefix}` })).toMatchObject({ service: 'user' });
    }
  });
});
