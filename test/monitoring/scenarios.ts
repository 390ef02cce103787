/** For each alert: what breaks so that it fires, and what mends it. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { readRuntime } from '../../src/up/runtime-file.ts';
import { published, registered, viewed } from '../support/events.ts';
import type { TestSystem } from '../support/system.ts';
import type { PreparedTarget } from './prepared.ts';

export interface Broken {
  system: TestSystem;
  prepared: PreparedTarget;
}

export interface Scenario {
  /** Alerts that it makes fire, and that resolve once it is mended. */
  alerts: readonly string[];
  /** Breaks something, once. Returns what mends it. */
  break: (broken: Broken) => Promise<() => Promise<void> | void>;
  /** Called again and again until the alerts fire. */
  whileBroken?: (broken: Broken) => Promise<unknown>;
  /** Called again and again until they have resolved. */
  whileMended?: (broken: Broken) => Promise<unknown>;
}

const pidOf = ({ data }: TestSystem, name: string): number => {
  const runtime = readRuntime(data);
  const pid = name === 'nats-server' ? runtime?.nats_pid : runtime?.processes[name]?.pid;
  if (pid === undefined) throw new Error(`no process ${name}`);
  return pid;
};

/** Stops a process without ending it, and lets it go on. */
const halting =
  (name: string) =>
  async ({ system }: Broken): Promise<() => void> => {
    const pid = pidOf(system, name);
    process.kill(pid, 'SIGSTOP');
    return () => void process.kill(pid, 'SIGCONT');
  };

const get = ({ system }: Broken, path: string): Promise<unknown> =>
  fetch(`${system.http}${path}`, { signal: AbortSignal.timeout(5_000) })
    .then((answer) => answer.text())
    .catch(() => undefined);

const post = ({ system }: Broken, events: readonly object[]): Promise<unknown> =>
  fetch(`${system.http}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify(events),
    signal: AbortSignal.timeout(20_000),
  })
    .then((answer) => answer.text())
    .catch(() => undefined);

/** Users of one flood: more than the engine computes rankings for within some seconds. */
const FLOOD = 4_000;
let floods = 0;
let posted = 0;

/** Requests at once, so that the share of failed ones is large at once. */
const SEVERAL = 5;
const several = (work: () => Promise<unknown>): Promise<unknown> => Promise.all(Array.from({ length: SEVERAL }, work));

export const SCENARIOS: readonly Scenario[] = [
  { alerts: ['FreshetProcessDown'], break: halting('content') },
  {
    alerts: ['FreshetStoredLists'],
    break: halting('engine'),
    whileBroken: (broken) => get(broken, '/v1/users/u1/recommendations'),
  },
  {
    alerts: ['FreshetAvailabilityFastBurn', 'FreshetAvailabilitySlowBurn'],
    break: halting('user'),
    whileBroken: (broken) => several(() => get(broken, '/v1/users/u1')),
    whileMended: (broken) => several(() => get(broken, '/v1/users/u1')),
  },
  {
    alerts: ['FreshetDeadLetters'],
    break: async ({ system }) => {
      const nc = await system.connect();
      await nc.jetstream().publish('ev.user.u1.viewed', '{"specversion":"1.0"}');
      await nc.close();
      return () => undefined;
    },
  },
  {
    alerts: ['FreshetErasuresOverdue'],
    break: async (broken) => {
      const mend = await halting('feedback')(broken);
      await fetch(`${broken.system.http}/v1/users/forgotten`, { method: 'DELETE' });
      return mend;
    },
  },
  {
    alerts: ['FreshetProjectionLags'],
    break: async ({ system }) => {
      const db = new Database(join(system.data, 'feedback.sqlite'));
      db.exec('BEGIN IMMEDIATE');
      return () => {
        db.exec('ROLLBACK');
        db.close();
      };
    },
    whileBroken: (broken) =>
      post(
        broken,
        Array.from({ length: 200 }, () => registered(`lag-${++posted}`)),
      ),
  },
  {
    alerts: ['FreshetRankingsDue', 'FreshetFreshnessFastBurn', 'FreshetFreshnessSlowBurn'],
    break: async () => () => undefined,
    whileBroken: (broken) => {
      const flood = ++floods;
      return post(
        broken,
        Array.from({ length: FLOOD }, (_, i) => viewed(`flood-${flood}-${i}`, `i${i % 300}`, { id: `f${flood}-${i}` })),
      );
    },
    // Rankings that are in time end the burn.
    whileMended: (broken) => post(broken, [viewed('calm', `i${++posted % 300}`, { id: `calm-${posted}` })]),
  },
  {
    alerts: ['FreshetQualityFell', 'FreshetQualityBelowPopular'],
    break: async ({ prepared }) => {
      prepared.quality({ quick: 0.1, slow: 0.2, popular: 0.25 });
      return () => prepared.quality({ quick: 0.2, slow: 0.2, popular: 0.1 });
    },
  },
  {
    alerts: ['FreshetSnapshotsUnusable'],
    break: async ({ system }) => {
      const nc = await system.connect();
      const jsm = await nc.jetstreamManager();
      const store = await nc.jetstream().views.os('snapshots');
      for (const { name, nuid } of await store.list())
        if (name.startsWith('model-')) await jsm.streams.purge('OBJ_snapshots', { filter: `$O.snapshots.C.${nuid}` });
      await nc.close();
      system.kill('engine');
      return () => undefined;
    },
  },
  {
    alerts: ['FreshetEventsUnacknowledged'],
    break: halting('nats-server'),
    whileBroken: (broken) => post(broken, [registered(`unheard-${++posted}`)]),
  },
  {
    alerts: ['FreshetNatsDisconnected'],
    break: async () => () => undefined,
    // `up` starts it again at once.
    whileBroken: async ({ system }) => {
      try {
        process.kill(pidOf(system, 'nats-server'), 'SIGKILL');
      } catch {
        // It does not run at the moment.
      }
    },
  },
  {
    alerts: ['FreshetStreamsMissing'],
    break: async ({ system }) => {
      const nc = await system.connect();
      await (await nc.jetstreamManager()).streams.delete('KV_erasures');
      await nc.close();
      return async () => void (await system.cli('streams', 'apply'));
    },
  },
  {
    alerts: ['FreshetLogRefused'],
    break: async ({ system }) => {
      const nc = await system.connect();
      await (await nc.jetstreamManager()).streams.delete('EVENTS');
      await nc.close();
      await system.cli('streams', 'apply');
      await system.publish([published('again')]);
      return async () => {
        for (const service of ['user', 'content', 'feedback', 'engine']) await system.cli('replay', service);
      };
    },
  },
];
