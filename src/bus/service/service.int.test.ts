/** The running services: on a real server, with files, endpoints and metrics. */
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DEAD_LETTERS, RANKINGS } from '../../../streams.config.ts';
import { countingProjection } from '../../../test/support/counting.ts';
import { patched, published, registered, served, viewed } from '../../../test/support/events.ts';
import { startProxy } from '../../../test/support/proxy.ts';
import { type Start, useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { InstanceLockedError, StreamConfigDiffersError } from '../../errors.ts';
import { streamSeq } from '../event/ids.ts';
import type { Json } from '../nats/micro.ts';
import { RemoteProblemError } from '../nats/problem.ts';
import { SERVICES } from '../projection/definition.ts';
import { applyStreams } from '../streams/plan.ts';
import type { RunningService } from './description.ts';
import { runService } from './service.ts';

const services = useServices('service', {
  settings: {
    publisher: { timeout_ms: 100, retries: 3 },
    engine: { similar_interval_ms: 50, snapshot_interval_ms: 1_000, snapshot_events: 1_000_000 },
  },
  publisher: { timeoutMs: 200, retries: 50 },
  streams: false,
});
const { start, stop, publish, ask } = services;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (err: unknown) => err,
  );
const ready = async ({ healthUrl }: RunningService): Promise<boolean> =>
  (await fetch(`${healthUrl}/readyz`)).status === 200;
const catalogue = () => ['a', 'b', 'c', 'd', 'e'].map((item) => published(item));

describe('a service', () => {
  it('creates what is missing in JetStream, reports that it is ready, and answers', async () => {
    const user = await start('user');
    await until(() => ready(user));
    const seq = await publish(registered('u1', { age: 41 }), viewed('u1', 'a'));
    expect(await ask('user.get', { user: 'u1', min_seq: seq })).toMatchObject({
      user: 'u1',
      traits: { age: 41 },
      events: 1,
    });
    expect(await ask('user.status')).toMatchObject({
      service: 'user',
      state: 'ready',
      seq,
      applied: 2,
      dead_letters: 0,
      pid: process.pid,
    });
    expect(await (await fetch(`${user.healthUrl}/healthz`)).json()).toEqual({ status: 'ok' });
    expect(await (await fetch(`${user.healthUrl}/readyz`)).json()).toMatchObject({ ready: true, seq });
    expect((await fetch(`${user.healthUrl}/else`)).status).toBe(404);
  });

  it('appears in the discovery of micro services, with a description of each endpoint', async () => {
    await start('user');
    const client = services.nc.services.client();
    const found = [];
    for await (const info of await client.info('freshet-user')) found.push(info);
    expect(found).toHaveLength(1);
    expect(found[0]?.endpoints.map(({ subject }) => subject).sort()).toEqual(
      [
        'dead_letters',
        'erasure',
        'export',
        'forget',
        'get',
        'held',
        'history',
        'known',
        'search',
        'status',
        'status.user',
      ].map((name) => `freshet.user.${name}`),
    );
    for (const { metadata } of found[0]?.endpoints ?? []) expect(metadata?.description).toBeTruthy();
  });

  it('is refused if another process uses the same data, and the error names its pid', async () => {
    await start('user');
    const err = await failure(start('user'));
    expect(err).toBeInstanceOf(InstanceLockedError);
    expect(err).toMatchObject({
      message: expect.stringContaining(`pid ${process.pid}`),
      next: expect.stringMatching(/^freshet status/),
    });
    await start('user', { replica: 2 });
  });

  it('as a replica takes no requests until it has caught up, and appears in discovery meanwhile', async () => {
    await start('user');
    const seq = await publish(...Array.from({ length: 5_000 }, (_, i) => viewed(`u${i % 7}`, `i${i}`)));
    await ask('user.get', { user: 'u1', min_seq: seq, timeout_ms: 30_000 });
    const replica = await start('user', { replica: 2 });
    const subjectsOf = async (instance: string): Promise<string[]> => {
      for await (const { metadata, endpoints } of await services.nc.services.client().info('freshet-user'))
        if (metadata?.instance === instance) return endpoints.map(({ subject }) => subject);
      return [];
    };
    expect(await subjectsOf('user-2')).toContain('freshet.user.status.user-2');
    expect(await ask('user.status.user-2')).toMatchObject({ instance: 'user-2' });
    const answered = new Set<unknown>();
    await until(
      async () => {
        const status = await ask('user.status');
        answered.add(status.instance);
        if (status.instance === 'user-2') expect(status).toMatchObject({ state: 'ready', seq });
        return answered.size === 2;
      },
      { within: 60_000 },
    );
    expect(await subjectsOf('user-2')).toContain('freshet.user.get');
    expect(await ready(replica)).toBe(true);
  });

  it('releases its data if it cannot start', async () => {
    await (await services.nc.jetstreamManager()).streams.add({ name: 'EVENTS', subjects: ['ev.>', 'mine.>'] });
    expect(await failure(start('user'))).toBeInstanceOf(StreamConfigDiffersError);
    await applyStreams(services.nc, { loseData: true });
    await start('user');
  });

  it('answers a caller that waits for an event once the failed state is made anew', async () => {
    let lives = 0;
    const failsOnce: Start = (environment) =>
      runService(
        {
          description: 'counts in memory as well',
          definition: countingProjection(),
          rebuildsBeside: true,
          parts: () => {
            const life = ++lives;
            let at = streamSeq(0);
            let counted = 0;
            return {
              endpoints: {
                counted: { description: 'events in memory', example: {}, handle: () => ({ counted, life }) },
              },
              state: {
                position: () => at,
                fold: (events, seq) => {
                  counted += events.length;
                  if (life === 1 && seq >= 3) throw new TypeError('half of the batch is in it');
                  at = seq;
                },
              },
            };
          },
        },
        environment,
      );
    const service = await start(failsOnce);
    const first = await publish(viewed('u1', 'a'), viewed('u2', 'b'));
    expect(await ask('user.counted', { min_seq: first })).toEqual({ counted: 2, life: 1 });
    const seq = await publish(viewed('u1', 'c'), viewed('u2', 'd'));
    expect(await ask('user.counted', { min_seq: seq, timeout_ms: 30_000 })).toEqual({ counted: 4, life: 2 });
    await until(() => ready(service));
    const metrics = await (await fetch(`${service.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/freshet_state_failures_total\{.*\} 1/);
  });

  it('reports failed effects of commits in status and metrics, and goes on answering', async () => {
    const failsAlways: Start = (environment) =>
      runService(
        {
          description: 'counts',
          definition: countingProjection(),
          rebuildsBeside: true,
          parts: () => ({
            effects: [
              {
                name: 'a copy',
                afterCommit: () => Promise.reject(new TypeError('the copy failed')),
                derive: () => {},
              },
            ],
          }),
        },
        environment,
      );
    const service = await start(failsAlways);
    const seq = await publish(viewed('u1', 'a'));
    await until(() => service.status().seq === seq && Array.isArray(service.status().effects));
    expect(service.status().effects).toMatchObject([{ name: 'a copy', failed: 1, reason: 'the copy failed' }]);
    const metrics = await (await fetch(`${service.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/freshet_effect_failures_total\{.*effect="a copy".*\} 1/);
    expect(await ready(service)).toBe(true);
  });

  it('closes its file and releases its lock although a part of it fails to stop', async () => {
    const stopsBadly: Start = (environment) =>
      runService(
        {
          description: 'counts',
          definition: countingProjection(),
          rebuildsBeside: true,
          parts: () => ({ endpoints: {}, stop: () => Promise.reject(new TypeError('this part does not stop')) }),
        },
        environment,
      );
    const first = await start(stopsBadly);
    expect(await failure(stop(first))).toMatchObject({ message: expect.stringContaining('this part does not stop') });
    await start('user');
  });

  it('commits when it is stopped, and continues from there', async () => {
    const first = await start('user');
    const seq = await publish(...Array.from({ length: 500 }, (_, i) => viewed(`u${i % 7}`, 'a')));
    await ask('user.get', { user: 'u1', min_seq: seq });
    await stop(first);
    expect(await failure(ask('user.status', {}, { timeoutMs: 500 }))).toMatchObject({
      code: 'FRESHET_SERVICE_UNAVAILABLE',
    });
    const more = await publish(...Array.from({ length: 500 }, (_, i) => viewed(`u${i % 7}`, 'b')));
    await start('user');
    await ask('user.get', { user: 'u1', min_seq: more });
    expect(await ask('user.status')).toMatchObject({ seq: 1_000, applied: 1_000, duplicates: 0 });
  });

  it('continues with exact counts after the server was killed', async () => {
    const user = await start('user');
    const seqs: Promise<number>[] = [];
    for (let round = 0; round < 3; round++) {
      seqs.push(publish(...Array.from({ length: 500 }, (_, i) => viewed(`u${i % 7}`, `${round}`))));
      await services.server.restart();
    }
    const last = Math.max(...(await Promise.all(seqs)));
    await until(() => user.status().seq === last, { within: 20_000 });
    expect(user.status()).toMatchObject({ applied: 1_500, duplicates: 0, dead_letters: 0 });
    await until(() => ready(user));
    expect(await until(() => ask('user.get', { user: 'u1' }))).toMatchObject({ user: 'u1' });
  });

  it('stops also while the server is away', async () => {
    const user = await start('user');
    await until(() => ready(user));
    await services.server.kill();
    let ended = false;
    void stop(user).then(() => {
      ended = true;
    });
    await until(() => ended, { within: 8_000 });
    await services.server.restart();
  });

  it('waits for min_seq, and reports its position if that takes too long', async () => {
    await start('user');
    const { seq: at } = await ask<{ seq: number }>('user.status');
    const waiting = ask('user.get', { user: 'u1', min_seq: at + 1, timeout_ms: 10_000 });
    await publish(viewed('u1', 'a'));
    expect(await waiting).toMatchObject({ user: 'u1' });
    const err = await failure(ask('user.get', { user: 'u1', min_seq: at + 100, timeout_ms: 20 }));
    expect(err).toBeInstanceOf(RemoteProblemError);
    expect((err as RemoteProblemError).problem).toMatchObject({
      status: 504,
      code: 'FRESHET_SEQUENCE_NOT_REACHED',
      asked: at + 100,
      reached: at + 1,
    });
  });

  it.each([
    ['user.get', {}, 400],
    ['user.get', { user: 'nobody' }, 404],
    ['user.get', { user: 'u1', min_seq: -1 }, 400],
    ['user.history', { user: 'u1', n: 0 }, 400],
  ])('answers %s %j with %i', async (subject, request, status) => {
    await start('user');
    const err = await failure(ask(subject, request));
    expect((err as RemoteProblemError).problem).toMatchObject({ status });
  });

  it('answers a request that is not JSON with 400', async () => {
    await start('user');
    const answer = await services.nc.request('freshet.user.get', '{', { timeout: 6_000 });
    expect(answer.headers?.get('Nats-Service-Error-Code')).toBe('400');
    expect(answer.json()).toMatchObject({ code: 'FRESHET_BAD_REQUEST' });
  });

  it('knows which events it has folded, by identity', async () => {
    await start('user');
    const seq = await publish(viewed('u1', 'a', { id: 'known' }));
    await ask('user.get', { user: 'u1', min_seq: seq });
    expect(await ask('user.known', { identities: ['test/known', 'test/unknown'] })).toEqual({
      known: [seq, null],
      fingerprints: [expect.any(Number), null],
      seq,
    });
  });

  it('copies dead letters with their origin and reason', async () => {
    await start('user');
    const js = services.nc.jetstream();
    await js.publish('ev.user.u1.viewed', 'no JSON');
    await js.publish('ev.user.u1.viewed', new Uint8Array());
    await js.publish('ev.user.u=31.viewed', JSON.stringify(viewed('u1', 'a')));
    const last = await publish(viewed('u1', 'a'));
    const jsm = await services.nc.jetstreamManager();
    await until(async () => (await jsm.streams.info('DEAD_LETTERS')).state.messages === 3);
    const first = await jsm.streams.getMessage('DEAD_LETTERS', { seq: 1 });
    expect(first.subject).toBe('dlq.user.user.u1.viewed');
    expect(Buffer.from(first.data).toString()).toBe('no JSON');
    const header = (name: string) => first.header.get(name);
    expect(['Freshet-Service', 'Freshet-Seq', 'Freshet-Code', 'Freshet-Subject'].map(header)).toEqual([
      'user',
      '1',
      'FRESHET_EVENT_MALFORMED',
      'ev.user.u1.viewed',
    ]);
    expect(header('Freshet-Reason')).toContain('not JSON');
    const third = await jsm.streams.getMessage('DEAD_LETTERS', { seq: 3 });
    expect(third.subject).toBe('dlq.user.unknown.ev=2Euser=2Eu=3D31=2Eviewed.unknown');
    expect(third.header.get('Freshet-Code')).toBe('FRESHET_EVENT_SUBJECT_MISMATCH');
    await ask('user.get', { user: 'u1', min_seq: last });
    expect(await ask('user.status')).toMatchObject({ dead_letters: 3, applied: 1 });
  });

  it('refuses to answer for a re-created log, with the next step', async () => {
    const user = await start('user');
    await ask('user.get', { user: 'u1', min_seq: await publish(viewed('u1', 'a')) });
    const jsm = await services.nc.jetstreamManager();
    await jsm.streams.delete('EVENTS');
    await applyStreams(services.nc);
    await until(() => user.status().state === 'refusing');
    const err = await failure(ask('user.get', { user: 'u1' }));
    expect((err as RemoteProblemError).problem).toMatchObject({
      status: 503,
      reason: 'FRESHET_LOG_RECREATED',
      next: expect.stringContaining('freshet'),
    });
    expect(await ready(user)).toBe(false);
    expect(await ask('user.status')).toMatchObject({ state: 'refusing' });
  });
});

describe('the engine', () => {
  it('has a personal list from the first event of a user on, also after a restart', async () => {
    const engine = await start('engine');
    await publish(...catalogue());
    await publish(...['x', 'y', 'z'].flatMap((user) => [viewed(user, 'a'), viewed(user, 'b'), viewed(user, 'c')]));
    const seq = await publish(viewed('u1', 'a'));
    const first = await ask<{ items: { item: string }[]; seq: number }>('engine.recommend', {
      user: 'u1',
      n: 3,
      min_seq: seq,
    });
    expect(first).toMatchObject({ user: 'u1', source: 'model', seq });
    expect(
      first.items
        .slice(0, 2)
        .map(({ item }) => item)
        .sort(),
    ).toEqual(['b', 'c']);
    await stop(engine);
    await start('engine');
    const again = await ask<typeof first>('engine.recommend', { user: 'u1', n: 3, min_seq: seq });
    expect(again.items).toEqual(first.items);
    expect(await ask('engine.recommend', { user: 'nobody' })).toMatchObject({ source: 'popular' });
  });

  it('refuses unknown members of requests', async () => {
    await start('engine');
    const err = await failure(ask('engine.recommend', { user: 'u1', filters: {} }));
    expect((err as RemoteProblemError).problem).toMatchObject({ status: 400, member: 'filters' });
  });

  it('publishes a user’s ranking, which moves as they act', async () => {
    await start('engine');
    const kv = await services.nc.jetstream().views.kv('rankings', { bindOnly: true });
    const rankings: { seq: number; items: { item: string }[] }[] = [];
    const watch = await kv.watch({ key: 'user.u=2E1' });
    void (async () => {
      for await (const entry of watch) rankings.push(entry.json());
    })();
    await publish(...catalogue(), viewed('x', 'a'), viewed('x', 'b'));
    const first = await publish(viewed('u.1', 'a'));
    const before = await until(() => rankings.find(({ seq }) => seq >= first));
    expect(before.items[0]?.item).toBe('b');
    const second = await publish(viewed('u.1', 'b'));
    const after = await until(() => rankings.find(({ seq }) => seq >= second));
    expect(after.items.map(({ item }) => item)).not.toContain('b');
    watch.stop();
    expect(
      (await until(async () => await kv.get('trending'))).json<{ items: { item: string }[] }>().items.length,
    ).toBeGreaterThan(0);
    expect(await until(async () => await kv.get('similar.a'))).toBeTruthy();
  });

  it('publishes the rankings that were due when it was killed', async () => {
    const jsm = () => services.nc.jetstreamManager();
    const engine = await start('engine');
    await publish(...catalogue());
    // While the bucket is away rankings can't be published; then the engine ends, with them in memory only.
    await (await jsm()).streams.delete('KV_rankings');
    const seq = await publish(viewed('u1', 'a'));
    await ask('engine.recommend', { user: 'u1', min_seq: seq });
    await stop(engine);
    await start('engine');
    const kv = await services.nc.jetstream().views.kv('rankings', { bindOnly: true });
    const entry = await until(async () => await kv.get('user.u1'));
    expect(entry.json()).toMatchObject({ user: 'u1' });
  });

  it('measures its quality, and reports it in status, snapshots and feedback summary', async () => {
    const engine = await start('engine');
    await start('feedback');
    expect((await ask<{ model: Json }>('engine.status')).model).toMatchObject({ prequential: null });
    expect(await ask('feedback.summary')).toMatchObject({ prequential: null });
    const views = Array.from({ length: 200 }, (_, i) => viewed(`u${i % 40}`, 'abcde'[Math.floor(i / 40)] as string));
    const seq = await publish(...catalogue(), ...views);
    await ask('engine.recommend', { user: 'u1', min_seq: seq });
    const { model } = await ask<{ model: { prequential: { scored: number; windows: Json[] } } }>('engine.status');
    // All but each user's first.
    expect(model.prequential.scored).toBe(160);
    expect(model.prequential.windows[0]).toMatchObject({
      size: 1_000,
      events: 160,
      model: { hr: expect.any(Number), ndcg: expect.any(Number), mrr: expect.any(Number) },
      popular: { hr: expect.any(Number) },
      item_knn: { hr: expect.any(Number) },
    });
    await stop(engine);
    const manifest = await services.kvValue<{ object: string; prequential: object }>('engine', 'current');
    expect(manifest?.prequential).toEqual(model.prequential);
    expect(await ask('feedback.summary')).toMatchObject({
      prequential: { ...model.prequential, snapshot: manifest?.object, seq },
    });
    const again = await start('engine');
    expect(again.status().model).toMatchObject({ prequential: model.prequential });
  });

  it('writes a snapshot that matches its pointer', async () => {
    await start('engine');
    const seq = await publish(...catalogue(), viewed('u1', 'a'), viewed('u1', 'b'));
    const manifest = await until(() =>
      services.kvValue<{ object: string; sha256: string; seq: number; bytes: number; users: number }>(
        'engine',
        'current',
      ),
    );
    const bytes = (await (await services.nc.jetstream().views.os('snapshots')).getBlob(manifest.object)) as Uint8Array;
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(manifest.sha256);
    expect(manifest.bytes).toBe(bytes.length);
    expect(manifest.seq).toBeLessThanOrEqual(seq);
    expect(
      await until(async () =>
        (await (await services.nc.jetstreamManager()).streams.getMessage('ENGINE_OUTPUT', { seq: 1 })).json(),
      ),
    ).toEqual(manifest);
    const answer = await until(async () => {
      const said = await ask<{ snapshot: string }>('engine.recommend', { user: 'u1' });
      return said.snapshot !== 'none' && said;
    });
    expect(answer.snapshot).toMatch(/^model-/);
  });
});

describe('metrics', () => {
  /** Names that were ever other than 0, and all names there are. */
  function sampler() {
    const seen = new Map<string, { all: Set<string>; moved: Set<string> }>();
    const sample = async (): Promise<void> => {
      for (const { service, healthUrl } of services.running) {
        const of = seen.get(service) ?? { all: new Set(), moved: new Set() };
        seen.set(service, of);
        const text = await (await fetch(`${healthUrl}/metrics`)).text();
        for (const [, name] of text.matchAll(/^# TYPE (freshet_\S+)/gm)) of.all.add(name as string);
        for (const [, name, value] of text.matchAll(/^(freshet_[a-z_]+)(?:\{[^}]*\})? (\S+)$/gm)) {
          const metric = (name as string).replace(/_(count|sum|bucket)$/, (suffix) =>
            of.all.has(name as string) ? suffix : '',
          );
          if (Number(value) !== 0) of.moved.add(metric);
        }
      }
    };
    const still = (service: string): string[] => {
      const { all, moved } = seen.get(service) ?? { all: new Set<string>(), moved: new Set<string>() };
      return [...all].filter((name) => !moved.has(name)).sort();
    };
    return { sample, still, all: (service: string) => seen.get(service)?.all ?? new Set() };
  }

  /**
   * What only a start beside snapshots, an erasure or TensorFlow moves: src/engine/start.int.test.ts,
   * test/e2e/forget-cases.test.ts and src/engine/artifacts/inputs.int.test.ts see to these.
   */
  const ELSEWHERE = [
    'freshet_effect_failures_total',
    'freshet_state_failures_total',
    'freshet_model_recalled_events_total',
    'freshet_snapshots_unusable_total',
    'freshet_inputs_in_force',
    'freshet_erasure_seconds',
    'freshet_erasure_slice_seconds',
    'freshet_erasures_open',
    'freshet_erasures_overdue',
    'freshet_training_seconds',
    'freshet_trainings_failed_total',
    'freshet_trainings_total',
    'freshet_streams_missing',
  ];

  it('of every service all move', async () => {
    await applyStreams(services.nc);
    const views = Array.from({ length: 3_000 }, (_, i) => viewed(`u${i % 100}`, `i${i % 50}`));
    await publish(...catalogue(), ...views);
    const { sample, still, all } = sampler();
    const moved = (...names: string[]) =>
      until(
        async () => {
          await sample();
          return services.running.every(({ service }) => still(service).every((name) => !names.includes(name)));
        },
        { within: 30_000, what: `${names.join(', ')} moving` },
      );
    // Each is behind when it starts; the way to it is closed before it has caught up.
    for (const service of SERVICES) {
      const proxy = await startProxy(services.server.port);
      onTestFinished(() => proxy.close());
      proxy.holdAfter(400_000);
      await start(service, {
        natsUrl: `nats://127.0.0.1:${proxy.port}`,
        // No service makes again what the test takes away.
        settings: { streams: { look_ms: 3_600_000 } },
      });
      await moved('freshet_projection_lag_messages');
      proxy.hold(false);
    }
    await publish(registered('u1'), served('u1', 'l1', ['a']));
    await ask('engine.recommend', { user: 'u1' });
    for (const { service } of services.running) {
      services.nc.publish(`freshet.${service}.status`, '{}', { reply: 'ev.user.u1.viewed' });
      await ask(`${service}.status`);
    }
    await moved(
      'freshet_refused_replies_total',
      'freshet_projection_events_total',
      'freshet_request_seconds',
      'freshet_snapshots_total',
      'freshet_snapshot_bytes',
    );

    // Items outside of the catalogue are stored and counted as irregular; servable ones are in lists.
    await publish(patched('nobody', { title: 'New' }));
    await publish(...['a', 'b', 'c'].flatMap((item) => ['v1', 'v2', 'v3'].map((user) => viewed(user, item))));
    await moved(
      'freshet_model_warnings',
      'freshet_prequential_events',
      'freshet_prequential_quality_ratio',
      'freshet_ranking_delay_seconds',
    );

    // Bad events, while there is nowhere to copy them to: retries; and no bucket: a backlog.
    const jsm = await services.nc.jetstreamManager();
    await jsm.streams.delete(DEAD_LETTERS.name);
    await jsm.streams.delete(`KV_${RANKINGS.name}`);
    await services.nc.jetstream().publish('ev.user.u1.viewed', 'no JSON');
    await publish(viewed('u1', 'a'));
    await moved(
      'freshet_dead_letters_total',
      'freshet_publish_retries_total',
      'freshet_rankings_backlog_users',
      'freshet_rankings_backlog_age_seconds',
    );
    await applyStreams(services.nc);
    await moved('freshet_publish_ack_seconds');

    // Readers are cut off when the server is killed.
    await services.server.restart();
    await moved('freshet_projection_reopened_total');

    await until(() =>
      services.nc.isClosed() ? true : services.nc.jetstreamManager().then(({ streams }) => streams.delete('EVENTS')),
    );
    await applyStreams(services.nc);
    await moved('freshet_log_refused');
    for (const { service } of services.running) {
      expect(all(service).size, service).toBeGreaterThan(10);
      expect(
        still(service).filter((name) => !ELSEWHERE.includes(name)),
        service,
      ).toEqual([]);
    }
  });
});
