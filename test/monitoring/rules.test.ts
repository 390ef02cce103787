import { expect, it } from 'vitest';
import { documentedMetrics } from '../../scripts/docs/metrics.ts';
import { RULES_FILE, RULES_TEST_FILE } from '../../scripts/monitoring/rules.ts';
import { ROOT } from '../../scripts/setup.mjs';
import { createRegistry } from '../../src/observability/metrics.ts';
import { findPrometheus, MISSING, runPromtool } from './prometheus.ts';
import { unplayed } from './run.ts';

const skipped = findPrometheus() ? undefined : MISSING;

it('the rules are valid, and each alert fires with its example and is quiet with the other', async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  const checked = await runPromtool(['check', 'rules', `${ROOT}/${RULES_FILE}`]);
  expect(checked.output).toContain('SUCCESS');
  expect(checked.code).toBe(0);
  const tested = await runPromtool(['test', 'rules', `${ROOT}/${RULES_TEST_FILE}`]);
  expect(tested.code, tested.output).toBe(0);
});

it('promtool finds nothing wrong with names and units of the metrics', async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  const { output, code } = await runPromtool(['check', 'metrics'], await createRegistry('test').metrics());
  expect(output).toBe('');
  expect(code).toBe(0);
});

it('a scenario breaks a system for each alert', () => {
  expect(unplayed()).toEqual([]);
});

it('metrics have names with units, and labels of few values', () => {
  const all = Object.values(documentedMetrics()).flat();
  for (const { name, type, labels } of all) {
    if (type === 'counter') expect(name).toMatch(/_total$/);
    else expect(name).not.toMatch(/_total$/);
    if (type === 'histogram') expect(name).toMatch(/_(seconds|size|bytes)$/);
    // Ids of users and items, and whole paths, would have as many values as there are of them.
    for (const label of labels) expect(['user', 'item', 'path', 'url', 'id', 'list', 'key']).not.toContain(label);
  }
});
