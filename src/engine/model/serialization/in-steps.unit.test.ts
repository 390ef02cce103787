/** The parts of a state that are written in steps, against the same work at once. */
import { expect, it } from 'vitest';
import { finish } from '../primitives/steps.ts';
import { Histories } from '../state/histories.ts';
import { Impressions } from '../state/impressions.ts';
import { groupingByOrigin } from './by-origin.ts';
import { encodingImpressions } from './impressions-section.ts';

const USERS = 900;

it('groups events by their origin in several steps', () => {
  const histories = new Histories();
  for (let seq = 1; seq <= 70_000; seq++) {
    const user = (seq * 7_919) % USERS;
    histories.append(user, seq % 50, 16, 0, seq, seq, seq % 3 === 0 ? (user + 1) % USERS : user);
  }
  const atOnce = histories.byOrigin(USERS);
  const steps = groupingByOrigin(histories, USERS);
  let taken = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) taken++;
  expect(step.value).toEqual(atOnce);
  expect(taken).toBeGreaterThan(2);
});

it('writes impressions as they were written at once', () => {
  const impressions = new Impressions({ listsOfUser: 3, listsKept: 200, places: 4 });
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
  const written = finish(encodingImpressions(impressions, place, place));
  expect(written.equals(impressions.encode(place, place))).toBe(true);
});
