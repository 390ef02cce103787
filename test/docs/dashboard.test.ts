import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { documentedMetrics, type MetricDescription } from '../../scripts/docs/metrics.ts';
import { spanOf } from '../../scripts/monitoring/alert.ts';
import { ALERTS } from '../../scripts/monitoring/alerts.ts';
import { DASHBOARD_FILES } from '../../scripts/monitoring/dashboards.ts';
import { ROOT } from '../../scripts/setup.mjs';
import { createRegistry } from '../../src/observability/metrics.ts';

interface Panel {
  title: string;
  type: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string }[];
}

const dashboards = Object.values(DASHBOARD_FILES).map(
  (file) => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as { title: string; panels: Panel[] },
);
const panels = dashboards.flatMap(({ panels }) => panels);
const queries = [
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr }))),
  ...ALERTS.map(({ name, expr }) => ({ title: name, expr: expr(spanOf) })),
].filter(({ expr }) => !expr.startsWith('vector('));

const own = new Map<string, MetricDescription>(
  Object.values(documentedMetrics())
    .flat()
    .map((metric) => [metric.name, metric]),
);
const ofProcess = new Set(
  createRegistry('test')
    .getMetricsAsArray()
    .map(({ name }) => name),
);

/** Names of series in a query: what comes before a selector. */
const namesIn = (expr: string): string[] => [...expr.matchAll(/([a-z0-9_]+)\{/g)].map(([, name]) => name ?? '');

/** The metric of a series, as it is exported. */
function metricOf(series: string): MetricDescription | undefined {
  const plain = own.get(series);
  if (plain) return plain.type === 'histogram' ? undefined : plain;
  const part = /^(.+)_(bucket|sum|count)$/.exec(series);
  const histogram = part?.[1] === undefined ? undefined : own.get(part[1]);
  return histogram?.type === 'histogram' ? histogram : undefined;
}

describe('the Grafana dashboards and the alerts', () => {
  it.each(queries)('$title uses exported metrics: $expr', ({ expr }) => {
    const names = namesIn(expr);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names)
      expect(name === 'up' || ofProcess.has(name) || metricOf(name) !== undefined, name).toBe(true);
  });

  it.each(queries)('$title groups and selects by existing labels: $expr', ({ expr }) => {
    const [name = ''] = namesIn(expr);
    const labels = new Set(['job', 'service', 'le', ...(metricOf(name)?.labels ?? [])]);
    const grouped = [...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(',').map((l) => l.trim()),
    );
    const selected = [...expr.matchAll(/([a-z_]+)="/g)].map(([, label = '']) => label);
    for (const label of [...grouped, ...selected]) expect([...labels]).toContain(label);
  });

  it('shows each metric of the page on monitoring', () => {
    const guide = readFileSync(join(ROOT, 'docs/how-to/monitor.md'), 'utf8');
    const told = new Set([...guide.matchAll(/`(freshet_[a-z_]+)/g)].map(([, name]) => name ?? ''));
    const shown = new Set(queries.flatMap(({ expr }) => namesIn(expr)).map((name) => metricOf(name)?.name));
    expect(told.size).toBeGreaterThan(8);
    for (const name of told) expect([...shown], name).toContain(name);
  });

  it.each(dashboards)('$title has no overlapping panels', ({ panels }) => {
    for (const [i, a] of panels.entries())
      for (const b of panels.slice(i + 1)) {
        const [p, q] = [a.gridPos, b.gridPos];
        const apart = p.x + p.w <= q.x || q.x + q.w <= p.x || p.y + p.h <= q.y || q.y + q.h <= p.y;
        expect(apart, `${a.title} and ${b.title}`).toBe(true);
      }
  });
});

it('Prometheus scrapes the gateway and each service on their default ports', () => {
  const text = readFileSync(join(ROOT, 'deploy/prometheus/prometheus.yml'), 'utf8');
  expect([...text.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port))).toEqual([
    8080, 8081, 8082, 8083, 8084,
  ]);
});
