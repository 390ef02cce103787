/** Experiments from log to result: arms by hash, folded lists and clicks, and results that are checked every day. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clicked, codec, served, stored, type TestEvent } from '../../test/support/events.ts';
import { makeTempDir, removeTempDir } from '../../test/support/tempdir.ts';
import type { StoredMessage } from '../bus/event/codec.ts';
import { openStore } from '../bus/projection/store.ts';
import { completeConfig } from '../config/load.ts';
import { createRandom } from '../demo/random.ts';
import { armOf, labelOf } from '../experiment/arms.ts';
import { feedbackEndpoints, type SummaryAnswer } from './api.ts';
import { feedbackProjection } from './projection.ts';

const EXPERIMENT = {
  experiment: 'layout',
  arms: [
    { arm: 'first', share: 0.5, config: '' },
    { arm: 'second', share: 0.5, config: '' },
  ],
};
const USERS = 300;
const DAYS = 12;
const PLACES = 5;
const SEEDS = Array.from({ length: 4 }, (_, i) => i + 1);
const DAY_MS = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const items = Array.from({ length: PLACES }, (_, i) => `i${i}`);
const config = completeConfig({});

/** What was found, looked at every day until something is. */
async function found(seed: number, rates: Record<string, number>): Promise<'first' | 'second' | undefined> {
  const random = createRandom(seed);
  // Some click more than others, whatever they are shown.
  const users = Array.from({ length: USERS }, (_, i) => ({ id: `u${seed}-${i}`, own: 0.4 + 1.2 * random.next() }));
  const folder = makeTempDir('experiment');
  const store = openStore({
    file: join(folder, 'f.sqlite'),
    definition: feedbackProjection(config),
    codec,
    cacheKib: 1_024,
  });
  try {
    const { summary } = feedbackEndpoints(store.db, async () => null, config);
    if (!summary) throw new Error('there is a summary');
    let seq = 1;
    const commit = (events: readonly (TestEvent | object)[]): void => {
      const messages: StoredMessage[] = stored(events, seq);
      seq += messages.length;
      store.commit(messages, 'now');
    };
    commit([
      {
        specversion: '1.0',
        id: `start-${seed}`,
        source: 'test',
        type: 'control.experiment_started.v1',
        subject: 'act',
        time: new Date(START).toISOString(),
        data: EXPERIMENT,
      },
    ]);
    for (let day = 0; day < DAYS; day++) {
      const events: TestEvent[] = [];
      for (const { id, own } of users) {
        if (random.next() > 0.4) continue;
        const arm = armOf(id, EXPERIMENT)?.arm as string;
        const list = `${id}-${day}`;
        const time = new Date(START + day * DAY_MS).toISOString();
        events.push(served(id, list, items, { arm: labelOf(EXPERIMENT.experiment, arm), time }));
        for (const item of items)
          if (random.next() < (rates[arm] as number) * own) events.push(clicked(id, item, { list, time }));
      }
      commit(events);
      const { experiments } = (await summary.handle({})) as SummaryAnswer;
      const beside = experiments[0]?.arms[1]?.beside_first;
      if (beside?.found) return beside.difference > 0 ? 'second' : 'first';
    }
    return undefined;
  } finally {
    store.close();
    removeTempDir(folder);
  }
}

const outcomes = (rates: Record<string, number>): Promise<(string | undefined)[]> =>
  Promise.all(SEEDS.map((seed) => found(seed, rates)));

describe('an experiment', () => {
  it('finds the better of two arms, whichever it is', async () => {
    expect(await outcomes({ first: 0.1, second: 0.17 })).toEqual(SEEDS.map(() => 'second'));
    expect(await outcomes({ first: 0.17, second: 0.1 })).toEqual(SEEDS.map(() => 'first'));
  });

  it('finds no difference between equal arms', async () => {
    expect(await outcomes({ first: 0.13, second: 0.13 })).toEqual(SEEDS.map(() => undefined));
  });
});
