import { describe, expect, it } from 'vitest';
import {
  clicked,
  dismissed,
  event,
  LOG_START,
  linked,
  published,
  purchased,
  retracted,
  served,
  viewed,
} from '../../test/support/events.ts';
import { fold, specify } from '../../test/support/projection.ts';
import { completeConfig } from '../config/load.ts';
import { feedbackEndpoints, type SummaryAnswer } from './api.ts';
import { feedbackProjection } from './projection.ts';

const config = completeConfig({ feedback: { attribution_window_ms: 60_000 } });
const given = specify(() => feedbackProjection(config));
const iso = (time: number): string => new Date(time).toISOString();
/** A day and some hours ahead of the log. */
const AHEAD = { time: iso(LOG_START + 30 * 3_600_000) };
/** Minutes after noon. */
const at = (minutes: number) => ({ time: new Date(Date.UTC(2025, 0, 1, 12) + minutes * 60_000).toISOString() });

describe('shown lists', () => {
  it('are stored with the items and their places', () => {
    given()
      .when(served('u1', 'l1', ['a', 'b', 'a'], { snapshot: 's1', arm: 'x' }))
      .then({
        served: [{ list: 'l1', user: 'u1', snapshot: 's1', config: 'c1', arm: 'x' }],
        impression: [
          { position: 0, item: 'a', score: 3 },
          { position: 1, item: 'b', score: 2 },
          { position: 2, item: 'a', score: 1 },
        ],
      });
  });

  it('count once, however often they are reported', () => {
    given(served('u1', 'l1', ['a', 'b']))
      .when(served('u1', 'l1', ['c']))
      .then({ served: [{ list: 'l1' }], impression: [{ item: 'a' }, { item: 'b' }] });
  });

  it('move to the user of their session', () => {
    given(served('anon', 'l1', ['a']), linked('u1', 'anon'))
      .when(clicked('u1', 'a'))
      .then({ served: [{ user: 'u1' }], outcome: [{ user: 'u1', list: 'l1', position: 0 }] });
  });
});

describe('a reaction', () => {
  it('is attributed to the list that it names, at the item’s place', () => {
    given(served('u1', 'l1', ['a', 'b'], at(0)), served('u1', 'l2', ['b', 'a'], at(0)))
      .when(clicked('u1', 'b', { list: 'l1', ...at(0.5) }), dismissed('u1', 'a', { list: 'l2', ...at(0.5) }))
      .then({
        outcome: [
          { kind: 'clicked', item: 'b', list: 'l1', position: 1 },
          { kind: 'dismissed', item: 'a', list: 'l2', position: 1 },
        ],
      });
  });

  it('is attributed to the newest list with the item if it names none', () => {
    given(served('u1', 'l1', ['a'], at(0)), served('u1', 'l2', ['x', 'a'], at(0.1)), served('u1', 'l3', ['x'], at(0.2)))
      .when(clicked('u1', 'a', at(0.5)))
      .then({ outcome: [{ list: 'l2', position: 1 }] });
  });

  it('is attributed to a list that is reported later', () => {
    given(
      clicked('u1', 'b', { list: 'l1', ...at(0.5) }),
      clicked('u1', 'a', at(0.5)),
      purchased('u1', 'a', { list: 'l1', ...at(0.6) }),
      clicked('u1', 'a', { list: 'l2', ...at(0.5) }),
      clicked('u2', 'a', { list: 'l1', ...at(0.5) }),
      clicked('u1', 'a', { list: 'l1', ...at(5) }),
    )
      .when(served('u1', 'l1', ['a', 'b', 'a'], at(0)))
      .then({
        outcome: [
          { seq: 1, list: 'l1', position: 1 },
          { seq: 2, list: 'l1', position: 0 },
          { seq: 3, kind: 'converted', list: 'l1', position: 0 },
          { seq: 4, list: null },
          { seq: 5, list: null },
          { seq: 6, list: null },
        ],
      });
  });

  it('stays where it is when another list with the item is reported', () => {
    given(served('u1', 'l1', ['a'], at(0)), clicked('u1', 'a', at(0.5)))
      .when(served('u1', 'l2', ['x', 'a'], at(0.1)))
      .then({ outcome: [{ list: 'l1', position: 0 }] });
  });

  it('is a conversion if an interaction names its list, and not counted otherwise', () => {
    given(served('u1', 'l1', ['a'], at(0)))
      .when(purchased('u1', 'a', { list: 'l1', ...at(0.5) }), viewed('u1', 'a', at(0.5)))
      .then({ outcome: [{ kind: 'converted', seq: 2, list: 'l1', position: 0 }] });
  });

  it.each([
    ['a list that was never shown', clicked('u1', 'a', { list: 'l9', ...at(0.5) })],
    ['another user’s list', clicked('u2', 'a', { list: 'l1', ...at(0.5) })],
    ['a list without the item', clicked('u1', 'z', { list: 'l1', ...at(0.5) })],
    ['a list that was shown too long ago', clicked('u1', 'a', { list: 'l1', ...at(1.5) })],
    ['a list that was shown too long ago and is not named', clicked('u1', 'a', at(1.5))],
    ['a list that was shown only long afterwards', clicked('u1', 'a', { list: 'l1', ...at(-1.5) })],
    ['a list that was shown only long afterwards and is not named', clicked('u1', 'a', at(-1.5))],
  ])('is counted as unattributed for %s', (_what, event) => {
    given(served('u1', 'l1', ['a'], at(0)))
      .when(event)
      .then({ outcome: [{ kind: 'clicked', list: null, position: null }] });
  });

  it.each([
    ['that is dated a day ahead', served('u1', 'l1', ['a']), clicked('u1', 'a', { list: 'l1', ...AHEAD })],
    ['that is dated a day ahead and names no list', served('u1', 'l1', ['a']), clicked('u1', 'a', AHEAD)],
    ['to a list that is dated a day ahead', served('u1', 'l1', ['a'], AHEAD), clicked('u1', 'a', { list: 'l1' })],
    ['that is reported before its list', clicked('u1', 'a', { list: 'l1', ...AHEAD }), served('u1', 'l1', ['a'])],
  ])('%s is attributed by the time of the log', (_what, first, second) => {
    given(first)
      .when(second)
      .then({ outcome: [{ kind: 'clicked', list: 'l1', position: 0 }] });
  });

  it('is removed when its user retracts it, and not by another user', () => {
    const history = [served('u1', 'l1', ['a'], at(0)), clicked('u1', 'a', { id: 'slip', ...at(0.5) })];
    given(...history)
      .when(retracted('u1', { id: 'slip' }))
      .then({ outcome: [] });
    given(...history)
      .when(retracted('u2', { id: 'slip' }))
      .then({ outcome: [{ kind: 'clicked' }] });
  });

  it('is not an event of another kind, whatever members it has', () => {
    given(served('u1', 'l1', ['a'], at(0)))
      .when(event('user.registered.v1', 'u1', { item: 'a', list: 'l1' }, at(0.5)))
      .then({ outcome: [] });
  });
});

describe('the summary', () => {
  it('counts an impression with two clicks once, and has rates by snapshot, arm and position', async () => {
    const { db } = fold(feedbackProjection(config), [
      served('u1', 'l1', ['a', 'b'], { snapshot: 's1', arm: 'x', ...at(0) }),
      served('u2', 'l2', ['a', 'b'], { snapshot: 's2', arm: 'x', ...at(0) }),
      clicked('u1', 'a', { list: 'l1', ...at(0.1) }),
      clicked('u1', 'a', { list: 'l1', ...at(0.2) }),
      purchased('u1', 'a', { list: 'l1', ...at(0.3) }),
      dismissed('u2', 'b', { list: 'l2', ...at(0.1) }),
      clicked('u3', 'a', at(0.1)),
    ]);
    const answer = (await feedbackEndpoints(db, async () => null).summary?.handle({})) as SummaryAnswer;
    expect(answer.lists).toBe(2);
    expect(answer.total).toEqual({
      impressions: 4,
      clicks: 1,
      dismissals: 1,
      conversions: 1,
      ctr: 0.25,
      ctr_interval: [expect.closeTo(0.0456, 4), expect.closeTo(0.6994, 4)],
      conversion_rate: 0.25,
    });
    expect(answer.by_snapshot).toMatchObject([
      { snapshot: 's1', impressions: 2, clicks: 1, ctr: 0.5 },
      { snapshot: 's2', impressions: 2, dismissals: 1 },
    ]);
    expect(answer.by_arm).toMatchObject([{ arm: 'x', impressions: 4 }]);
    expect(answer.by_position).toMatchObject([
      { position: 0, impressions: 2, clicks: 1 },
      { position: 1, impressions: 2, dismissals: 1 },
    ]);
    expect(answer.by_day).toMatchObject([{ day: '2025-01-01', impressions: 4, clicks: 1 }]);
    expect(answer.shown).toMatchObject({ items: 2, gini: 0, novelty: 0, coverage: null });
    expect(answer.unattributed).toEqual({ clicks: 1, dismissals: 0, conversions: 0 });
  });

  it('has the coverage of the catalogue, and the estimate without exploration', async () => {
    const { db } = fold(feedbackProjection(config), [
      published('a'),
      published('b'),
      published('c'),
      published('d'),
      event('feedback.served.v1', 'u1', {
        list: 'l1',
        items: [
          { item: 'a', score: 1, propensity: 0.8 },
          { item: 'b', score: 0, propensity: 0.1, explored: true },
        ],
        snapshot: 's',
        config: 'c',
        arm: 'main',
      }),
      // Lists without probabilities, or with invalid ones, allow no estimate.
      event('feedback.served.v1', 'u2', {
        list: 'l2',
        items: [{ item: 'a', score: 1, propensity: -3 }],
        snapshot: 's',
        config: 'c',
        arm: 'main',
      }),
      clicked('u1', 'a', { list: 'l1' }),
      clicked('u1', 'b', { list: 'l1' }),
    ]);
    const answer = (await feedbackEndpoints(db, async () => null).summary?.handle({})) as SummaryAnswer;
    expect(answer.shown).toMatchObject({ items: 2, coverage: 0.5 });
    expect(answer.without_exploration).toMatchObject({ lists: 1, impressions: 2, ips: 0.625, snips: 1 });
    expect(answer.by_arm).toMatchObject([{ arm: 'main', shown: answer.shown }]);
    expect(answer.by_snapshot).toMatchObject([{ snapshot: 's', shown: answer.shown }]);
    expect(answer.by_day).toMatchObject([{ shown: answer.shown }]);
    // The first place showed one item twice, the second one of two lists another.
    expect(answer.by_position).toMatchObject([
      { position: 0, shown: { items: 1, coverage: 0.25, novelty: 0, diversity: 0 } },
      { position: 1, shown: { items: 1, coverage: 0.25, novelty: 0, diversity: 0 } },
    ]);
  });

  it('counts a list and a click that are dated ahead on the day of the log', async () => {
    const { db } = fold(feedbackProjection(config), [
      served('u1', 'l1', ['a'], AHEAD),
      clicked('u1', 'a', { list: 'l1', ...AHEAD }),
      served('u1', 'l2', ['a'], { time: '2100-01-01T00:00:00Z' }),
    ]);
    const answer = (await feedbackEndpoints(db, async () => null).summary?.handle({})) as SummaryAnswer;
    expect(answer.by_day).toMatchObject([{ day: iso(LOG_START).slice(0, 10), impressions: 2, clicks: 1 }]);
    expect(answer.unattributed.clicks).toBe(0);
  });

  it('has the times of an experiment no later than the log stored its events', async () => {
    const arms = [{ arm: 'plain', share: 1, config: '' }];
    const { db } = fold(feedbackProjection(config), [
      event('control.experiment_started.v1', 'x1', { experiment: 'first', arms }, AHEAD),
      event('control.experiment_started.v1', 'x2', { experiment: 'second', arms }, at(0)),
      event('control.experiment_ended.v1', 'x3', { experiment: 'second' }, AHEAD),
    ]);
    const answer = (await feedbackEndpoints(db, async () => null).summary?.handle({})) as SummaryAnswer;
    expect(answer.experiments).toMatchObject([
      { experiment: 'second', state: 'ended', started: at(0).time, ended: iso(LOG_START + 2_000) },
      { experiment: 'first', state: 'ended', started: iso(LOG_START), ended: at(0).time },
    ]);
  });

  it('without lists is all zeros', async () => {
    const answer = (await feedbackEndpoints(fold(feedbackProjection(config), []).db, async () => null).summary?.handle(
      {},
    )) as SummaryAnswer;
    expect(answer).toMatchObject({ lists: 0, total: { impressions: 0, ctr: 0 }, by_snapshot: [] });
  });
});
