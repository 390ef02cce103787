/** Runs scenarios on a real system that a real Prometheus scrapes: each alert fires once something breaks, and resolves. */
import { join } from 'node:path';
import { ALERTS } from '../../scripts/monitoring/alerts.ts';
import { QUALITY, SERVICES } from '../../scripts/monitoring/panels.ts';
import { readRuntime } from '../../src/up/runtime-file.ts';
import { published, viewed } from '../support/events.ts';
import { freePort } from '../support/nats.ts';
import { startSystem } from '../support/system.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';
import { startPrepared } from './prepared.ts';
import { startPrometheus } from './prometheus.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

/** How many times shorter the spans of the rules are: an hour is 24 seconds. */
const FACTOR = 150;
/** Milliseconds within which an alert fires, and resolves, on a machine without other work. */
const LIMIT_MS = 20_000;
/** Milliseconds within which oddities are in the panels. */
const ODDITIES_MS = 20_000;
/** Milliseconds between two attempts to break something further. */
const AGAIN_MS = 100;

export interface AlertResult {
  alert: string;
  firedAfterS: number;
  resolvedAfterS: number;
}

export interface MonitoringResult {
  alerts: AlertResult[];
  /** Queries of the dashboards without data, by panel. */
  empty: string[];
  queries: number;
}

export interface MonitoringOptions {
  /** Alerts whose scenarios run; left out: all. */
  only?: readonly string[];
  report?: (line: string) => void;
}

const SYSTEM = {
  FRESHET_STREAMS_LOOK_MS: '300',
  FRESHET_ENGINE_SNAPSHOT_INTERVAL_MS: '1000',
  FRESHET_ENGINE_SNAPSHOT_EVENTS: '200',
  FRESHET_ERASURE_DEADLINE_MS: '1000',
  FRESHET_HTTP_REQUEST_TIMEOUT_MS: '500',
  FRESHET_HTTP_PUBLISH_TIMEOUT_MS: '500',
  FRESHET_HTTP_STORED_AFTER_MS: '100',
};

export async function runMonitoring({
  only,
  report = () => undefined,
}: MonitoringOptions = {}): Promise<MonitoringResult> {
  const scenarios = SCENARIOS.filter(({ alerts }) => !only || alerts.some((alert) => only.includes(alert)));
  const folder = makeTempDir('monitoring');
  const prepared = await startPrepared();
  // With a port of the caller's choice a process has the same one after a restart, so Prometheus finds it again.
  const port = String(await freePort());
  const system = await startSystem({ args: ['--no-demo', '--http-port', port], env: SYSTEM, secure: false });
  const targets = Object.values(readRuntime(system.data)?.processes ?? {}).flatMap(({ health }) =>
    health === undefined ? [] : [new URL(health).host],
  );
  const prometheus = await startPrometheus(join(folder, 'prometheus'), FACTOR, [...targets, prepared.target]);
  try {
    report(`a system with ${targets.length} processes`);
    await system.publish([
      ...Array.from({ length: 300 }, (_, i) => published(`i${i}`)),
      ...Array.from({ length: 900 }, (_, i) => viewed(`u${i % 30}`, `i${(i * 7) % 300}`)),
    ]);
    await until(async () => Number((await prometheus.query('sum(up)'))?.length) > 0, { within: 20_000 });
    // What of the start fires resolves first.
    await until(async () => (await prometheus.firing()).size === 0, { within: LIMIT_MS, what: 'no alert fires' });
    const alerts: AlertResult[] = [];
    for (const scenario of scenarios) {
      const results = await play(scenario, only);
      alerts.push(...results);
    }
    if (only) return { alerts, empty: [], queries: 0 };
    await showOddities();
    const { empty, queries } = await emptyPanels();
    return { alerts, empty, queries };
  } finally {
    await prometheus.stop();
    await system.stop();
    await prepared.stop();
    removeTempDir(folder);
  }

  /** Causes what the dashboards show of oddities: behind the scenarios, since a process that starts anew forgets its own. */
  async function showOddities(): Promise<void> {
    await system.publish([viewed('u1', 'nowhere')]);
    const nc = await system.connect();
    const strange = {
      specversion: '1.0',
      id: 'strange',
      source: 'test',
      type: 'user.strange.v1',
      subject: 'u1',
      data: {},
    };
    await nc.jetstream().publish('ev.user.u1.strange', JSON.stringify(strange));
    await nc.close();
    await fetch(`${system.http}/v1/trending`, { headers: { authorization: 'Bearer frk_wrong' } });
    await until(async () => (await emptyPanels()).empty.length === 0, { within: ODDITIES_MS }).catch(() => undefined);
  }

  async function play(scenario: Scenario, wanted: readonly string[] | undefined): Promise<AlertResult[]> {
    const names = scenario.alerts.filter((name) => !wanted || wanted.includes(name));
    const broken = { system, prepared };
    const started = performance.now();
    const fired = new Map<string, number>();
    const resolved = new Map<string, number>();
    const seconds = (since: number): number => (performance.now() - since) / 1_000;
    const mend = await scenario.break(broken);
    let mendedAt = 0;
    try {
      await until(
        async () => {
          await scenario.whileBroken?.(broken);
          const firing = await prometheus.firing();
          for (const name of names) if (firing.has(name) && !fired.has(name)) fired.set(name, seconds(started));
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
          return fired.size === names.length;
        },
        { within: LIMIT_MS, what: `${names.filter((name) => !fired.has(name)).join(', ')} fires` },
      );
    } finally {
      await mend();
      mendedAt = performance.now();
    }
    report(`${names.join(', ')}: fires`);
    await until(
      async () => {
        await scenario.whileMended?.(broken);
        const firing = await prometheus.firing();
        for (const name of names) {
          if (!firing.has(name) && !resolved.has(name)) resolved.set(name, seconds(mendedAt));
          // It may come back before all have resolved.
          if (firing.has(name)) resolved.delete(name);
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        return resolved.size === names.length;
      },
      { within: LIMIT_MS, what: `${names.join(', ')} resolves` },
    );
    report(`${names.join(', ')}: resolved`);
    return names.map((alert) => ({
      alert,
      firedAfterS: fired.get(alert) ?? Number.NaN,
      resolvedAfterS: resolved.get(alert) ?? Number.NaN,
    }));
  }

  /** Queries of the dashboards that give nothing now, after all that happened. */
  async function emptyPanels(): Promise<{ empty: string[]; queries: number }> {
    const all = [...SERVICES, ...QUALITY].flatMap(({ panels }) =>
      panels.flatMap(({ title, queries }) => queries.map(([legend, expr]) => ({ title: `${title}: ${legend}`, expr }))),
    );
    const empty: string[] = [];
    for (const { title, expr } of all) {
      const asked = expr
        .replaceAll('$job', 'freshet')
        .replaceAll('$__rate_interval', '10m')
        .replaceAll('[1h]', '[10m]');
      if ((await prometheus.query(asked)).length === 0) empty.push(title);
    }
    return { empty, queries: all.length };
  }
}

/** Alerts that no scenario makes fire. */
export const unplayed = (): string[] => {
  const played = new Set(SCENARIOS.flatMap(({ alerts }) => alerts));
  return ALERTS.map(({ name }) => name).filter((name) => !played.has(name));
};
