import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  codec,
  dismissed,
  linked,
  published,
  registered,
  retracted,
  served,
  type TestEvent,
  viewed,
  withdrawn,
} from '../../../test/support/events.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { streamSeq } from '../../bus/event/ids.ts';
import { findPosition } from '../../bus/log/position.ts';
import { createServiceLog } from '../../bus/service/log.ts';
import { erasureKey } from '../../bus/streams/erasure-key.ts';
import type { RankingAnswer } from '../serve/lists.ts';
import type { Manifest } from '../snapshots/manifest.ts';
import { openPast, type PastEngine } from './past.ts';

const services = useServices('past', {
  // Frequent snapshots, and a ranker that learns from every event.
  settings: { engine: { snapshot_events: 1, snapshots_kept: 50, training_content: false } },
});
const config = services.config();
const { publish, ask } = services;
const serve = (user: string, seq: number): Promise<RankingAnswer> =>
  ask<RankingAnswer>('engine.recommend', { user, n: 10, min_seq: seq, max_age_ms: 0, explain: true });

interface Opened {
  notes: string[];
  engine: PastEngine;
  list(user: string): RankingAnswer;
}

async function open(seq: number, { file = join(services.data, 'engine.sqlite'), by = config } = {}): Promise<Opened> {
  const { nc, publisher, data } = services;
  const notes: string[] = [];
  const log = await createServiceLog({ nc, publisher, config, service: 'engine' });
  const engine = await openPast({
    config: by,
    nc,
    log,
    codec,
    erasureKey: await erasureKey(nc),
    ...(await findPosition(nc, log, { seq })),
    file,
    scratch: join(data, `scratch-${seq}.sqlite`),
    consumer: 'past-test',
    onNote: (note) => void notes.push(note),
  });
  return {
    notes,
    engine,
    list: (user) => engine.endpoints.recommend?.handle({ user, n: 10, explain: true, max_age_ms: 0 }) as RankingAnswer,
  };
}
const shown = ({ items, seq, source }: RankingAnswer) => ({ items, seq, source });

/** What happens, in order: with sessions that are linked, things taken back, put off, withdrawn. */
function history(): TestEvent[] {
  const items = Array.from({ length: 12 }, (_, i) => `i${i}`);
  const events: TestEvent[] = items.map((item, i) => published(item, { tags: [i % 2 ? 'sea' : 'land'] }));
  for (let i = 0; i < 60; i++) events.push(viewed(`u${i % 7}`, `i${(i * i + 3 * i) % 12}`, { id: `v${i}` }));
  events.push(
    registered('u1', { likes: ['sea'] }),
    viewed('s1', 'i4'),
    linked('u2', 's1'),
    retracted('u3', { id: 'v3' }),
    served('u2', 'l1', ['i5', 'i6', 'i7']),
    dismissed('u2', 'i6', { list: 'l1' }),
    withdrawn('i9'),
  );
  for (let i = 60; i < 90; i++) events.push(viewed(`u${i % 5}`, `i${(i * 5 + 1) % 12}`));
  return events;
}

describe('the engine as it was', () => {
  it('computes the lists that were served live, from a snapshot, with the live rows, or from the log alone', async () => {
    await services.start('engine');
    const live: { user: string; answer: RankingAnswer }[] = [];
    for (const [i, event] of history().entries()) {
      const seq = await publish(event);
      if (i < 12 || i % 8 !== 0) continue;
      for (const user of ['u1', 'u2', 's1']) live.push({ user, answer: await serve(user, seq) });
      // The snapshots lie between the requested positions.
      if (i % 16 === 0)
        await until(async () => ((await services.kvValue<Manifest>('engine', 'current'))?.seq ?? 0) >= seq);
    }
    const head = live.at(-1)?.answer.seq as number;
    const from = new Set<string | null>();
    for (const { user, answer } of live) {
      const past = await open(answer.seq);
      expect(shown(past.list(user)), `${user} at ${answer.seq}`).toEqual(shown(answer));
      from.add(past.engine.snapshot);
      expect(past.notes).toEqual([]);
      past.engine.close();
    }
    expect(from.size).toBeGreaterThan(2);
    // Without the rows, from the beginning of the log.
    for (const { user, answer } of live.filter((_, i) => i % 5 === 0)) {
      const past = await open(answer.seq, { file: join(services.data, 'none.sqlite') });
      expect(shown(past.list(user)), `${user} at ${answer.seq}, from the log`).toEqual(shown(answer));
      expect(past.engine.snapshot).toBeNull();
      past.engine.close();
    }

    // With other settings of lists, the engine skips the earlier snapshots and reports it.
    const past = await open(head, { by: services.config({ engine: { include_seen: true } }) });
    expect(past.engine.snapshot).toBeNull();
    expect(past.notes.length).toBeGreaterThan(0);
    expect(past.notes[0]).toMatch(/skips it.*made under another configuration/);
    past.engine.close();
  });

  it('has exactly the requested position, by sequence or by time', async () => {
    await services.start('engine');
    const { nc, publisher } = services;
    const log = await createServiceLog({ nc, publisher, config, service: 'engine' });
    await expect(findPosition(nc, log, { seq: 1 })).rejects.toMatchObject({ code: 'FRESHET_POSITION_UNKNOWN' });
    const taken: number[] = [];
    for (let i = 0; i < 4; i++) {
      const seq = streamSeq(await publish(viewed('u1', `i${i}`)));
      taken.push((await log.at(seq))?.timestamp as number);
      // The next one is taken in another millisecond.
      await until(() => Date.now() > (taken.at(-1) as number));
    }
    for (const [i, time] of taken.entries()) {
      expect(await findPosition(nc, log, { time })).toEqual({ seq: i + 1, taken: time });
      expect(await findPosition(nc, log, { seq: i + 1 })).toEqual({ seq: i + 1, taken: time });
    }
    expect(await findPosition(nc, log, { time: Date.UTC(2999, 0, 1) })).toMatchObject({ seq: 4 });
    expect(await findPosition(nc, log, {})).toMatchObject({ seq: 4 });
    for (const asked of [{ seq: 5 }, { time: (taken[0] as number) - 1 }])
      await expect(findPosition(nc, log, asked)).rejects.toMatchObject({
        code: 'FRESHET_POSITION_UNKNOWN',
        next: expect.stringContaining('from 1 to 4'),
      });
  });
});
