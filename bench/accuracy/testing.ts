/** Small data for the tests: `dataSet('u1 a', 'u2 b', ...)`, one event a second. */
import { createCodec } from '../../src/bus/event/codec.ts';
import type { ItemData } from '../../src/bus/event/types.ts';
import { createDataSetBuilder, type DataSet } from './data/data-set.ts';

const START_MS = Date.UTC(2026, 0, 1);

interface Options {
  catalogue?: Record<string, Partial<ItemData>>;
  held?: 1 | 2;
}

export function dataSet(steps: readonly string[], { catalogue = {}, held = 1 }: Options = {}): DataSet {
  const builder = createDataSetBuilder(createCodec());
  for (const [item, fields] of Object.entries(catalogue))
    builder.add({
      specversion: '1.0',
      id: `published-${item}`,
      source: 'test',
      type: 'content.published.v1',
      subject: item,
      time: new Date(START_MS - 1).toISOString(),
      data: { title: item, ...fields },
    });
  for (const [place, step] of steps.entries()) {
    const [user = '', item = ''] = step.split(' ');
    builder.add({
      specversion: '1.0',
      id: `e${place}`,
      source: 'test',
      type: 'user.viewed.v1',
      subject: user,
      time: new Date(START_MS + place * 1_000).toISOString(),
      data: { item },
    });
  }
  return builder.build({ name: 'test', held });
}

/** Readers who take a ring of items in turn, each from another start: after a while the next item is certain. */
export function ring(users: number, items: number, steps: number): string[] {
  const events: string[] = [];
  for (let step = 0; step < steps; step++)
    for (let user = 0; user < users; user++) events.push(`u${user} i${(user * 7 + step) % items}`);
  return events;
}
