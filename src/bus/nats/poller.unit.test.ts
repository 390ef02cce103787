import { expect, it } from 'vitest';
import { until } from '../../../test/support/wait.ts';
import { createPoller } from './poller.ts';

it('repeats its task, and never runs it twice at the same time', async () => {
  let open = 0;
  let most = 0;
  let times = 0;
  const poller = createPoller({
    everyMs: 1,
    run: async () => {
      most = Math.max(most, ++open);
      for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
      open--;
      times++;
    },
  });
  poller.start();
  await Promise.all([poller.poll(), poller.poll()]);
  await until(() => times > 5);
  await poller.stop();
  expect({ open, most }).toEqual({ open: 0, most: 1 });
});

it('waits at a stop for the current run, and does not run again', async () => {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  let times = 0;
  const poller = createPoller({
    everyMs: 1,
    run: () => {
      times++;
      return promise;
    },
  });
  poller.start();
  await until(() => times === 1);
  let ended = false;
  const stopping = poller.stop().then(() => {
    ended = true;
  });
  await Promise.resolve();
  expect({ ended, stopped: poller.stopped }).toEqual({ ended: false, stopped: true });
  resolve();
  await stopping;
  await poller.poll();
  poller.start();
  expect(times).toBe(1);
});

it('reports what a task throws or rejects with, and goes on', async () => {
  const errors: unknown[] = [];
  let times = 0;
  const poller = createPoller({
    everyMs: 1,
    run: () => {
      if (++times === 1) throw new Error('thrown');
      return times === 2 ? Promise.reject(new Error('rejected')) : undefined;
    },
    onError: (err) => errors.push((err as Error).message),
  });
  poller.start();
  await until(() => times > 2);
  await poller.stop();
  expect(errors).toEqual(['thrown', 'rejected']);
});

it('waits at a stop no longer than it may', async () => {
  const poller = createPoller({ everyMs: 1, run: () => new Promise<void>(() => {}), stopMs: 1 });
  void poller.poll();
  await poller.stop();
  expect(poller.stopped).toBe(true);
});
