/** The reference of the benchmark of forgetting can tell a difference. */
import { expect, it } from 'vitest';
import { foldReference, foldStatistics } from '../../bench/forget/reference.ts';
import { completeConfig } from '../../src/config/load.ts';
import { codec, published, stored, viewed } from '../support/events.ts';

const history = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => viewed(`u${(from + i) % 9}`, `i${((from + i) * 7) % 20}`));

it('has a different reference for a log with one event more or less', () => {
  const common = { config: completeConfig({}), codec, erasureKey: new Uint8Array(), created: 'then' };
  const messages = stored([published('i1'), ...history(0, 60)]);
  const whole = foldReference({ ...common, messages, inputs: [] });
  const less = foldReference({ ...common, messages: messages.filter(({ seq }) => seq !== 30), inputs: [] });
  expect(whole.model.statistics).toBe(foldStatistics({ ...common, messages }));
  expect(less.model.statistics).not.toBe(whole.model.statistics);
  expect(less.model.state).not.toBe(whole.model.state);
  for (const service of ['user', 'engine']) expect(less.rows[service]).not.toBe(whole.rows[service]);
});
