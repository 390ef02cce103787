import { expect, it } from 'vitest';
import { until } from '../../../test/support/wait.ts';
import { createStandby } from './standby.ts';

it('joins when it is ready, or nobody else is left, and not before', async () => {
  let ready = false;
  let others: boolean | Error = true;
  const run = () => {
    let joined = 0;
    let looks = 0;
    const joining = createStandby({
      ready: () => ready,
      othersAnswer: async () => {
        looks++;
        if (others instanceof Error) throw others;
        return others;
      },
      join: () => void joined++,
      lookMs: 1,
    });
    joining.start();
    return { joining, joined: () => joined, looks: () => looks };
  };
  const first = run();
  await until(() => first.looks() > 3);
  others = new Error('no connection');
  const before = first.looks();
  await until(() => first.looks() > before + 3);
  expect(first.joined()).toBe(0);
  ready = true;
  await until(() => first.joined() === 1);
  ready = false;
  others = false;
  const second = run();
  await until(() => second.joined() === 1);
  others = true;
  const third = run();
  await until(() => third.looks() > 1);
  await third.joining.stop();
  ready = true;
  expect(third.joined()).toBe(0);
  await first.joining.stop();
  await second.joining.stop();
});
