/** Accounts separate identities: what each can do on a secured bus, and what nats-server refuses. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OUTCOMES } from '../../scripts/docs/identities.ts';
import { ROOT } from '../../scripts/setup.mjs';
import type { Erasure } from '../../src/bus/erasure/ledger.ts';
import { call } from '../../src/bus/nats/micro.ts';
import type { RunningService } from '../../src/bus/service/description.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { silent } from '../support/counting.ts';
import { outgoing, viewed } from '../support/events.ts';
import { type SecuredServer, startSecured } from '../support/secured.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';
import { attemptsWith, type Outcome } from './attempts.ts';

const FILE = join(ROOT, OUTCOMES);
const event = outgoing(viewed('u1', 'i9'));
const OUTSIDE = ['app-shop', 'reader', 'privacy', 'monitor'];
/** `FRESHET_WRITE_OUTCOMES=1` records what this test sees; the docs show it. */
const WRITE = process.env.FRESHET_WRITE_OUTCOMES === '1';
const ALL = ['operator', 'services', 'answers', ...OUTSIDE];

/** What the identities outside of Freshet's account may do; everything else is refused. */
const ALLOWED: Record<string, string[]> = {
  'app-shop': ['publish an event of a user', 'request a list', 'request a history'],
  reader: ['read a ranking', 'follow rankings'],
  privacy: ['export a user', 'follow an erasure'],
  monitor: ['request the status of a service'],
};

describe.each([
  ['with the permissions of users', { withoutPermissions: false, discovery: false }],
  ['by the accounts alone', { withoutPermissions: true, discovery: true }],
])('on a secured bus, %s', (_what, options) => {
  let bus: SecuredServer;
  let data: string;
  const services: RunningService[] = [];
  const results = new Map<string, Map<string, Outcome>>();

  beforeAll(async () => {
    bus = await startSecured(options);
    data = makeTempDir('secured-data');
    const config = bus.config({ erasure: { look_ms: 20, rebuild_after_ms: 600_000, server_index_ms: 0 } });
    for (const start of [startUser, startContent, startFeedback, startEngine])
      services.push(await start({ config, natsUrl: bus.url, data, healthPort: 0, logger: silent }));
    const operator = await bus.as('operator');
    await operator.jetstream().publish('$KV.rankings.user.u9', '{"user":"u9"}');
    for (const name of ALL) {
      const outcomes = new Map<string, Outcome>();
      for (const { what, try: attempt } of attemptsWith(operator)) {
        const nc = await bus.as(name);
        outcomes.set(what, await attempt(nc));
        await nc.close();
      }
      results.set(name, outcomes);
    }
  }, 200_000);
  if (!options.withoutPermissions)
    it('each identity gets what the table in the docs says', () => {
      const seen = Object.fromEntries([...results].map(([name, outcomes]) => [name, Object.fromEntries(outcomes)]));
      if (WRITE) writeFileSync(FILE, `${JSON.stringify(seen, undefined, 2)}\n`);
      expect(seen).toEqual(JSON.parse(readFileSync(FILE, 'utf8')));
    });

  afterAll(async () => {
    for (const service of services) await service.stop();
    await bus?.stop();
    if (data) removeTempDir(data);
  });

  it('no refused event is in the log', async () => {
    const { streams } = await (await bus.as('operator')).jetstreamManager();
    const { state } = await streams.info('EVENTS', { subjects_filter: 'ev.control.>' });
    // Of the operator and of the services.
    expect(state.subjects).toMatchObject({ 'ev.control.x.erased': 2 });
  });

  it('acknowledgements and answers go to the account of the caller, whatever reply subject it names', async () => {
    const app = await bus.as('app-shop');
    const operator = await bus.as('operator');
    const heard: string[] = [];
    operator.subscribe('*.caller.>', { callback: (_err, { subject }) => void heard.push(subject) });
    operator.subscribe('$KV.rankings.caller.>', { callback: (_err, { subject }) => void heard.push(subject) });
    await operator.flush();
    for (const reply of ['ev.caller.named', '$KV.rankings.caller.named']) {
      app.publish(event.subject, event.payload, { reply });
      app.publish('freshet.engine.recommend', JSON.stringify({ user: 'u1' }), { reply });
    }
    await app.flush();
    // The services have answered what came before this request.
    await call(app, 'freshet.engine.recommend', { user: 'u1' });
    await operator.flush();
    expect(heard).toEqual([]);
  });

  it('privacy forgets a user whom an application has told of', async () => {
    const app = await bus.as('app-shop');
    const { subject, identity, payload } = outgoing(viewed('somebody', 'i1'));
    const { seq } = await app.jetstream().publish(subject, payload, { msgID: identity });
    const user = { user: 'somebody', min_seq: seq, timeout_ms: 30_000 };
    expect(await call(app, 'freshet.user.get', user)).toMatchObject({ events: 1 });
    const privacy = await bus.as('privacy');
    const { erasure } = await call<Erasure>(privacy, 'freshet.user.forget', { user: 'somebody' });
    await until(
      async () => {
        const { state } = await call<Erasure>(privacy, 'freshet.user.erasure', { erasure });
        return state === 'rebuilding' || state === 'done';
      },
      { within: 30_000 },
    );
    const { streams } = await (await bus.as('operator')).jetstreamManager();
    const { state } = await streams.info('EVENTS', { subjects_filter: 'ev.user.somebody.>' });
    expect(state.subjects ?? {}).toEqual({});
  });

  it.each(OUTSIDE)('%s gets what it may do, and nothing else', (name) => {
    const allowed = [...(results.get(name) ?? [])].filter(([, outcome]) => outcome === 'allowed').map(([what]) => what);
    const more = options.discovery && name === 'monitor' ? ['list the services'] : [];
    expect(allowed).toEqual([...(ALLOWED[name] ?? []), ...more]);
  });
});
