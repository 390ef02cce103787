/** The parts of a state that are written in steps, against the same work at once. */
import { expect, it } from 'vitest';
import { itemId, userId } from '../../../bus/event/ids.ts';
import { Kernel } from '../kernel/kernel.ts';
import { createModel } from '../model.ts';
import { finish } from '../primitives/steps.ts';
import { Histories } from '../state/histories.ts';
import { Impressions } from '../state/impressions.ts';
import { groupingByOrigin } from './by-origin.ts';
import { encodingImpressions } from './impressions-section.ts';
import { encodeState, encodingState } from './state-bytes.ts';

const USERS = 900;

it('groups events by their origin in several steps', () => {
  const histories = new Histories();
  for (let seq = 1; seq <= 70_000; seq++) {
    const user = (seq * 7_919) % USERS;
    histories.append(user, seq % 50, 16, 0, seq, seq, seq % 3 === 0 ? (user + 1) % USERS : user);
  }
  const places = Array.from({ length: USERS }, (): number[] => []);
  for (let user = 0; user < USERS; user++)
    for (let at = histories.start(user); at < histories.start(user) + histories.length(user); at++)
      places[histories.origins[at]!]!.push(at);
  const steps = groupingByOrigin(histories, USERS);
  let taken = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) taken++;
  let end = 0;
  const ends = places.map(({ length }) => (end += length));
  expect([...step.value.ends]).toEqual(ends);
  expect([...step.value.order]).toEqual(places.flat());
  expect(taken).toBeGreaterThan(2);
});

it('writes impressions in several steps, and reads them', () => {
  const config = { listsOfUser: 3, listsKept: 200, places: 4 };
  const impressions = new Impressions(config);
  for (let seq = 1; seq <= 300; seq++)
    impressions.add({
      list: `list-${seq}`,
      origin: seq % 90,
      seq,
      historyLength: seq % 7,
      strength: seq / 3,
      items: Int32Array.from([seq % 5, 6, 7]),
      features: Float32Array.from({ length: 12 }, (_, at) => seq / (at + 1)),
    });
  const place = (number: number): number => number * 2;
  const steps = encodingImpressions(impressions, place, place);
  let taken = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) taken++;
  expect(taken).toBeGreaterThan(2);
  const read = new Impressions(config);
  read.decode(
    step.value,
    (number) => number / 2,
    (number) => number / 2,
  );
  expect([...read.all()]).toEqual([...impressions.all()]);
});

it('writes the same events if the memory of the kernel moves between the steps', () => {
  const kernel = new Kernel();
  const histories = new Histories(kernel);
  for (let seq = 1; seq <= 5_000; seq++) histories.append(seq % 7, seq % 50, 16, 0, seq * 1_000, seq, seq % 7);
  const { order, ends } = finish(groupingByOrigin(histories, 7));
  const users = Array.from(ends, (end, user) => ({
    id: `u${user}`,
    traits: undefined,
    from: ends[user - 1] ?? 0,
    end,
  }));
  const items = Array.from({ length: 50 }, (_, n) => ({
    id: `i${n}`,
    published: false,
    withdrawn: false,
    listed: 0,
    fields: undefined,
  }));
  const itemPlaces = Int32Array.from(items.keys());
  const state = { clock: 1, items, users, events: { order, itemPlaces, columns: histories }, links: [], sections: [] };
  const atOnce = encodeState(state);
  const before = histories.items;
  const steps = encodingState(state);
  let step = steps.next();
  for (; !step.done; step = steps.next()) kernel.i32(100_000);
  expect(before).toHaveLength(0);
  expect(step.value.equals(atOnce)).toBe(true);
});

it('gives the same bytes if the model computes lists between the steps', () => {
  const model = createModel();
  for (let item = 0; item < 300; item++) model.publishItem(itemId(`i${item}`), { title: `Title ${item}` });
  for (let seq = 1; seq <= 8_000; seq++) {
    const [user, item] = [userId(`u${(seq * 7_919) % USERS}`), itemId(`i${(seq * 104_729) % 300}`)];
    model.interact({ user, item, weight: 16, negative: 0, time: seq * 1_000, seq });
  }
  const fresh = createModel();
  fresh.importState(model.exportState());
  const steps = fresh.exportingState();
  let taken = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) {
    // The first lists make the memory of the model grow.
    fresh.recommend({ user: userId(`u${taken % USERS}`), n: 50 });
    fresh.similar(itemId(`i${taken % 300}`), 50);
    taken++;
  }
  expect(taken).toBeGreaterThan(20);
  expect(step.value.equals(model.exportState())).toBe(true);
});
