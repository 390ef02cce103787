/** Accounts separate identities: what each can do on a secured bus, and what nats-server refuses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningService } from '../../src/bus/service/description.ts';
import { startContent } from '../../src/content/start.ts';
import { startEngine } from '../../src/engine/start.ts';
import { startFeedback } from '../../src/feedback/start.ts';
import { startUser } from '../../src/user/start.ts';
import { silent } from '../support/counting.ts';
import { type SecuredServer, startSecured } from '../support/secured.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { attemptsWith, type Outcome } from './attempts.ts';

const OUTSIDE = ['app-shop', 'reader', 'privacy', 'monitor'];
const ALL = ['operator', 'services', 'answers', ...OUTSIDE];

/** What the identities outside of Freshet's account may do; everything else is refused. */
const ALLOWED: Record<string, string[]> = {
  'app-shop': ['publish an event of a user', 'request a list', 'request a history'],
  reader: ['read a ranking', 'follow rankings'],
  privacy: ['export a user', 'follow an erasure'],
  monitor: ['request the status of a service'],
};

describe.each([
  ['with the permissions of users', { withoutPermissions: false, discovery: true }],
  ['by the accounts alone', { withoutPermissions: true, discovery: false }],
])('on a secured bus, %s', (_what, options) => {
  let bus: SecuredServer;
  let data: string;
  const services: RunningService[] = [];
  const results = new Map<string, Map<string, Outcome>>();

  beforeAll(async () => {
    bus = await startSecured(options);
    data = makeTempDir('secured-data');
    const config = bus.config();
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
  afterAll(async () => {
    for (const service of services) await service.stop();
    await bus?.stop();
    if (data) removeTempDir(data);
  });

  it.each(OUTSIDE)('%s gets what it may do, and nothing else', (name) => {
    const allowed = [...(results.get(name) ?? [])].filter(([, outcome]) => outcome === 'allowed').map(([what]) => what);
    const more = options.discovery && name === 'monitor' ? ['list the services'] : [];
    expect(allowed).toEqual([...(ALLOWED[name] ?? []), ...more]);
  });
});
