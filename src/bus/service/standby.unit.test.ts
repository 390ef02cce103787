import { expect, it } from 'vitest';
import { until } from '../../../test/support/wait.ts';
import { createStandby } from './standby.ts';

it('activates when it is ready, or when no other instance is left', async () => {
  let ready = false;
  let others: boolean | Error = true;
  const run = () => {
    let activated = 0;
    let polls = 0;
    const standby = createStandby({
      ready: () => ready,
      othersAnswer: async () => {
        polls++;
        if (others instanceof Error) throw others;
        return others;
      },
      activate: () => void activated++,
      pollMs: 1,
    });
    standby.start();
    return { standby, activated: () => activated, polls: () => polls };
  };
  const first = run();
  await until(() => first.polls() > 3);
  others = new Error('no connection');
  const before = first.polls();
  await until(() => first.polls() > before + 3);
  expect(first.activated()).toBe(0);
  ready = true;
  await until(() => first.activated() === 1);
  ready = false;
  others = false;
  const second = run();
  await until(() => second.activated() === 1);
  others = true;
  const third = run();
  await until(() => third.polls() > 1);
  await third.standby.stop();
  ready = true;
  expect(third.activated()).toBe(0);
  await first.standby.stop();
  await second.standby.stop();
});
