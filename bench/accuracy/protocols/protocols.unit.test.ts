import { expect, test } from 'vitest';
import { dataSet } from '../testing.ts';
import { itemCold } from './item-cold.ts';
import { lastOut } from './last-out.ts';
import type { Plan } from './plan.ts';
import { prequential } from './prequential.ts';

type Data = ReturnType<typeof dataSet>;

/** `after: user -> targets [history]`, by their ids. */
const shown = (plan: Plan, { users, items }: Data): string[] =>
  plan.questions.map(({ after, user, targets, history }) => {
    const given = history === undefined ? '' : ` [${history.map((item) => items[item]).join(' ')}]`;
    return `${after}: ${users[user]} -> ${targets.map((item) => items[item]).join(' ')}${given}`;
  });

const learned = ({ entries }: Plan, { users, items }: Data): string[] =>
  entries.flatMap(({ interaction }) => (interaction ? [`${users[interaction.user]} ${items[interaction.item]}`] : []));

const STEPS = ['u1 a', 'u2 a', 'u1 b', 'u2 c', 'u1 c', 'u3 a', 'u2 b', 'u2 b', 'u1 d', 'u3 b'];

test('prequential asks after the warm share, once per known item, for users with a history', () => {
  const data = dataSet(STEPS);
  const plan = prequential(data, { warm: 0.4 });
  // u3 a: no history yet; u2 b again: a repeat; u1 d: never seen.
  expect(shown(plan, data)).toEqual(['4: u1 -> c', '6: u2 -> b', '9: u3 -> b']);
  expect(plan.repeats).toBe(1);
  expect(learned(plan, data)).toEqual(STEPS);
});

test('prequential counts interactions, not publications between them', () => {
  const data = dataSet(STEPS, { catalogue: { a: {}, b: {} } });
  expect(shown(prequential(data, { warm: 0.4 }), data)).toEqual(['6: u1 -> c', '8: u2 -> b', '11: u3 -> b']);
});

test('prequential for tuning stops where the measured stretch begins', () => {
  const data = dataSet(STEPS);
  const plan = prequential(data, { warm: 0.7, tune: 0.4 });
  expect(shown(plan, data)).toEqual(['4: u1 -> c', '6: u2 -> b']);
  expect(learned(plan, data)).toEqual(STEPS.slice(0, 7));
});

const LAST = ['u1 a', 'u2 a', 'u1 b', 'u2 c', 'u1 c', 'u2 d', 'u3 a', 'u1 d'];

test('last-out asks for each user’s last item after all other events are learned', () => {
  const data = dataSet(LAST);
  const plan = lastOut(data, { held: 1, validate: false });
  expect(shown(plan, data)).toEqual(['6: u1 -> d', '6: u2 -> d']);
  // A user with one event gets no question. The protocol only learns the event.
  expect(learned(plan, data)).toEqual(['u1 a', 'u2 a', 'u1 b', 'u2 c', 'u1 c', 'u3 a']);
});

test('last-out without the last two gives the last but one with the question only', () => {
  const data = dataSet(LAST);
  const plan = lastOut(data, { held: 2, validate: false });
  expect(shown(plan, data)).toEqual(['4: u1 -> d [a b c]', '4: u2 -> d [a c]']);
  expect(learned(plan, data)).toEqual(['u1 a', 'u2 a', 'u1 b', 'u3 a']);
});

test.each([1, 2] as const)('last-out for choosing settings never touches the last item (%i held)', (held) => {
  const data = dataSet(LAST);
  const plan = lastOut(data, { held, validate: true });
  expect(shown(plan, data)).toEqual(['4: u1 -> c', '4: u2 -> c']);
  expect(learned(plan, data)).toEqual(['u1 a', 'u2 a', 'u1 b', 'u3 a']);
});

test('item-cold learns no event of a tenth of the items, and ranks only those', () => {
  const items = Array.from({ length: 20 }, (_, i) => `i${i}`);
  const steps = ['u1', 'u2', 'u3'].flatMap((user) => items.map((item) => `${user} ${item}`));
  const data = dataSet(steps, { catalogue: Object.fromEntries(items.map((item) => [item, {}])) });
  const plan = itemCold(data, { seed: 1, share: 0.1 });
  const held = plan.universe as readonly number[];
  expect(held).toHaveLength(2);
  expect(plan.questions.map(({ targets }) => [...targets].sort((a, b) => a - b))).toEqual([held, held, held]);
  expect(plan.entries.filter(({ interaction }) => interaction && held.includes(interaction.item))).toEqual([]);
  // 20 published, 3 users with 18 items.
  expect(plan.entries).toHaveLength(74);
  expect(itemCold(data, { seed: 1, share: 0.1 }).universe).toEqual(held);
  expect(itemCold(data, { seed: 2, share: 0.1 }).universe).not.toEqual(held);
});
