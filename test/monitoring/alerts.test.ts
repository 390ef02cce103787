import { expect, it } from 'vitest';
import { findPrometheus, MISSING } from './prometheus.ts';
import { runMonitoring } from './run.ts';

it('a halted engine fires an alert in a real Prometheus, and the alert resolves once it goes on', async ({ skip }) => {
  if (!findPrometheus()) skip(MISSING);
  const { alerts } = await runMonitoring({ only: ['FreshetStoredLists'] });
  expect(alerts.map(({ alert }) => alert)).toEqual(['FreshetStoredLists']);
});
