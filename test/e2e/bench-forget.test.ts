/** The benchmark of forgetting, in small, on a real system: what it compares, and that it can tell a difference. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runForget } from '../../bench/forget/forget.ts';
import { foldReference, foldStatistics } from '../../bench/forget/reference.ts';
import { completeConfig } from '../../src/config/load.ts';
import { codec, published, stored, viewed } from '../support/events.ts';
import { tempDir } from '../support/tempdir.ts';

const history = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => viewed(`u${(from + i) % 9}`, `i${((from + i) * 7) % 20}`));

it('forgets users one by one, and the rest equals a fold of the purged log', async () => {
  const file = join(tempDir('bench-forget'), 'events.jsonl');
  const events = [...Array.from({ length: 20 }, (_, i) => published(`i${i}`)), ...history(0, 200)];
  writeFileSync(file, events.map((event) => JSON.stringify(event)).join('\n'));
  const figures = await runForget({
    data: [file],
    users: 2,
    neverHeld: 1,
    seed: 1,
    rebuildAfterMs: 0,
    answerMs: 120_000,
    say: () => {},
  });
  expect(figures).toMatchObject({ messages: 220, people: 9, equal: true });
  expect(figures.forgotten.map(({ neverHeldEqual }) => neverHeldEqual)).toEqual([true, null]);
  for (const { rows, trained, exact, events: of } of figures.forgotten) {
    expect(of).toBeGreaterThan(10);
    expect(rows).toBeLessThanOrEqual(exact);
    expect(trained).toBeLessThanOrEqual(exact);
  }
});

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
