import { describe, expect, it } from 'vitest';
import {
  codec,
  declared,
  LOG_START,
  linked,
  played,
  published,
  purchased,
  rated,
  registered,
  retracted,
  served,
  stored,
  type TestEvent,
  updated,
  viewed,
} from '../../test/support/events.ts';
import { forgetting, forgotten, KEY } from '../../test/support/forgetting.ts';
import { fold, specify } from '../../test/support/projection.ts';
import { openStore } from '../bus/projection/store.ts';
import { completeConfig } from '../config/load.ts';
import { NotFoundError } from '../errors.ts';
import { type FoundUsersAnswer, type HistoryAnswer, type UserAnswer, userEndpoints } from './api.ts';
import { userProjection } from './projection.ts';

const config = completeConfig({ events: { declared: ['x_listened'] }, user: { history_max: 5, history_default: 3 } });
const given = specify(() => userProjection(config));
const iso = (time: number): string => new Date(time).toISOString();
const AHEAD = { time: '2100-01-01T00:00:00.000Z' };
const LONG_AGO = { time: '2019-03-03T00:00:00.000Z' };
const traits = (value: object): string => JSON.stringify(value);

describe('profiles', () => {
  it('contain the traits of the registration', () => {
    given()
      .when(registered('u1', { country: 'NL', likes: ['sea'] }, { time: '2025-05-05T00:00:00Z' }))
      .then({
        profile: [
          {
            user: 'u1',
            registered: Date.UTC(2025, 4, 5),
            traits: traits({ country: 'NL', likes: ['sea'] }),
            first_seq: 1,
          },
        ],
      });
  });

  it('exist from a user’s first event on, registered or not', () => {
    given()
      .when(viewed('u1', 'a'))
      .then({ profile: [{ user: 'u1', registered: null, traits: '{}', first_seq: 1 }] });
  });

  it('apply an update, and keep the other traits', () => {
    given(registered('u1', { country: 'NL', age: 41 }))
      .when(updated('u1', { age: 42 }))
      .then({ profile: [{ traits: traits({ country: 'NL', age: 42 }) }] });
  });

  it('start anew when a user registers again', () => {
    given(registered('u1', { country: 'NL', age: 41 }))
      .when(registered('u1', { age: 42 }))
      .then({ profile: [{ traits: traits({ age: 42 }), registered: LOG_START }] });
  });

  it('are restored when an update is retracted', () => {
    given(registered('u1', { age: 41 }), updated('u1', { age: 42 }, { id: 'slip' }))
      .when(retracted('u1', { id: 'slip' }))
      .then({ profile: [{ traits: traits({ age: 41 }) }] });
  });
});

describe('histories', () => {
  it('contain every kind of interaction, in the order of the log', () => {
    given(viewed('u1', 'a'), played('u1', 'b', { value: 90 }), purchased('u1', 'c', { list: 'l1' }))
      .when(rated('u1', 'a', 4.5), declared('x_listened')('u1', 'd'))
      .then({
        interaction: [
          { seq: 1, type: 'user.viewed.v1', item: 'a', value: null, list: null },
          { seq: 2, type: 'user.played.v1', item: 'b', value: 90 },
          { seq: 3, type: 'user.purchased.v1', item: 'c', list: 'l1' },
          { seq: 4, type: 'user.rated.v1', item: 'a', value: 4.5 },
          { seq: 5, type: 'user.x_listened.v1', item: 'd' },
        ],
      });
  });

  it('do not contain impressions or publications', () => {
    given()
      .when(served('u1', 'l1', ['a']), published('a'))
      .then({ interaction: [], profile: [] });
  });

  it('lose a retracted event, and no other', () => {
    given(viewed('u1', 'a', { id: 'slip' }), viewed('u1', 'b'))
      .when(retracted('u1', { id: 'slip' }))
      .then({ interaction: [{ item: 'b' }] });
  });

  it.each([
    ['another user’s event', retracted('u2', { id: 'slip' })],
    ['an event that never came', retracted('u1', { id: 'none' })],
    ['another source’s event of that id', retracted('u1', { id: 'slip', source: 'other' })],
  ])('stay as they are when %s is retracted', (_what, event) => {
    given(viewed('u1', 'a', { id: 'slip' }))
      .when(event)
      .then({ interaction: [{ user: 'u1', item: 'a' }] });
  });
});

describe('sessions', () => {
  it('that are linked move their events and traits to the user, in the order of the log', () => {
    given(viewed('anon', 'a'), registered('u1', { age: 41 }), viewed('u1', 'b'), updated('anon', { mood: 'good' }))
      .when(linked('u1', 'anon'))
      .then({
        interaction: [
          { user: 'u1', seq: 1, item: 'a' },
          { user: 'u1', seq: 3, item: 'b' },
        ],
        profile: [{ user: 'u1', traits: traits({ age: 41, mood: 'good' }) }],
        link: [{ session: 'anon', user: 'u1' }],
      });
  });

  it('belong to the user from then on', () => {
    given(linked('u1', 'anon'))
      .when(viewed('anon', 'a'))
      .then({ interaction: [{ user: 'u1', item: 'a' }], profile: [{ user: 'u1' }] });
  });

  it('stay with the user of their first link', () => {
    given(viewed('anon', 'a'), linked('u1', 'anon'))
      .when(linked('u2', 'anon'))
      .then({ interaction: [{ user: 'u1' }], link: [{ session: 'anon', user: 'u1' }] });
  });

  it('of a session belong to the user at the end of the chain', () => {
    given(viewed('s1', 'a'), linked('s2', 's1'), viewed('s1', 'b'))
      .when(linked('u1', 's2'), viewed('s1', 'c'))
      .then({
        interaction: [{ user: 'u1' }, { user: 'u1' }, { user: 'u1' }],
        link: [
          { session: 's1', user: 'u1' },
          { session: 's2', user: 'u1' },
        ],
        profile: [{ user: 'u1' }],
      });
  });

  it('that link in a circle stay one user', () => {
    given(viewed('a', 'x'), viewed('b', 'y'), linked('a', 'b'))
      .when(linked('b', 'a'), viewed('a', 'z'))
      .then({ interaction: [{ user: 'a' }, { user: 'a' }, { user: 'a' }], link: [{ session: 'b', user: 'a' }] });
  });

  it('let their user retract their events', () => {
    given(viewed('anon', 'a', { id: 'slip' }), linked('u1', 'anon'))
      .when(retracted('u1', { id: 'slip' }))
      .then({ interaction: [] });
  });
});

describe('the time of an event dated ahead of the log', () => {
  const kept = { event_time: [{ seq: 1, time: Date.parse(AHEAD.time) }] };

  it('is kept beside the counted one, and no other event has a second time', () => {
    given(viewed('u1', 'a', AHEAD))
      .when(viewed('u1', 'b', LONG_AGO), viewed('u1', 'c'))
      .then({
        ...kept,
        interaction: [{ time: LOG_START }, { time: Date.parse(LONG_AGO.time) }, { time: LOG_START + 2_000 }],
      });
  });

  it('stays with the event when a link moves it', () => {
    given(viewed('s1', 'a', AHEAD))
      .when(linked('u1', 's1'))
      .then({ ...kept, interaction: [{ user: 'u1', seq: 1 }] });
  });

  it.each([
    ['an interaction', viewed('u1', 'a', { id: 'slip', ...AHEAD })],
    ['traits', updated('u1', { age: 41 }, { id: 'slip', ...AHEAD })],
  ])('goes when its user retracts %s', (_what, event) => {
    given(event)
      .when(retracted('u1', { id: 'slip' }))
      .then({ event_time: [] });
  });

  it('goes when Freshet forgets the user', () => {
    const { hashes } = forgetting(
      () => userProjection(config),
      [viewed('u1', 'a', AHEAD), registered('u1', { age: 41 }, AHEAD), viewed('u2', 'a', AHEAD)],
      ['u1'],
    );
    expect(hashes.live).toEqual(hashes.purged);
  });
});

describe('answers', () => {
  const endpoints = (...history: TestEvent[]) => userEndpoints(fold(userProjection(config), history).db, config);
  const answers = () => {
    const history = [
      registered('u1', { age: 41 }),
      ...Array.from({ length: 7 }, (_, i) => viewed('u1', `i${i}`)),
      viewed('anon', 'z'),
      linked('u1', 'anon'),
    ];
    return userEndpoints(fold(userProjection(config), history).db, config);
  };

  it('return a profile, also under the id of a session', () => {
    const { get } = answers();
    const wanted: UserAnswer = {
      user: 'u1',
      registered: new Date(LOG_START).toISOString(),
      traits: { age: 41 },
      events: 8,
      last_seen: new Date(LOG_START + 8_000).toISOString(),
      sessions: ['anon'],
    };
    expect(get?.handle({ user: 'u1' })).toEqual(wanted);
    expect(get?.handle({ user: 'anon' })).toEqual(wanted);
  });

  it('find users by the beginning of their ids, and no linked session', () => {
    const { search } = endpoints(
      ...['u2', 'u10', 'u1', 'U1', 'v', 'u%', 'ü'].map((user) => viewed(user, 'i')),
      registered('u3'),
      viewed('u9-anonymous', 'i'),
      linked('u1', 'u9-anonymous'),
    );
    const found = (q: string, n?: number) => search?.handle({ q, ...(n ? { n } : {}) }) as FoundUsersAnswer;
    const idsOf = ({ users }: FoundUsersAnswer): string[] => users.map(({ user }) => user);
    expect(idsOf(found('u'))).toEqual(['u%', 'u1', 'u10', 'u2', 'u3']);
    expect(idsOf(found('u%'))).toEqual(['u%']);
    expect(idsOf(found('ü'))).toEqual(['ü']);
    expect(found('u', 2)).toEqual({
      users: [
        { user: 'u%', registered: null },
        { user: 'u1', registered: null },
      ],
      more: true,
    });
    expect(found('u3').users[0]?.registered).toMatch(/^20/);
    expect(found('nobody')).toEqual({ users: [], more: false });
    expect(() => search?.handle({ q: '' })).toThrow(/q/);
  });

  it('leave out a user whose erasure is under way', () => {
    const store = openStore({
      file: ':memory:',
      definition: userProjection(config),
      codec,
      cacheKib: 1_024,
      erasureKey: KEY,
      eraseEvents: 1,
    });
    store.commit(
      stored([...['a', 'b', 'c'].map((item) => viewed('u1', item)), viewed('u2', 'a'), forgotten('u1')]),
      'now',
    );
    expect(store.erasing()).toBe(true);
    expect(userEndpoints(store.db, config).search?.handle({ q: 'u' })).toMatchObject({ users: [{ user: 'u2' }] });
    store.close();
  });

  it('page through a history, newest first, each event once', () => {
    const { history } = answers();
    const items: string[] = [];
    let before: number | null = Number.MAX_SAFE_INTEGER;
    while (before !== null) {
      const page = history?.handle({ user: 'u1', before }) as HistoryAnswer;
      items.push(...page.events.map(({ item }) => item));
      expect(page.events.length).toBeLessThanOrEqual(3);
      before = page.next;
    }
    expect(items).toEqual(['z', 'i6', 'i5', 'i4', 'i3', 'i2', 'i1', 'i0']);
  });

  it('count an event dated ahead at the time of the log, and show the time that its publisher gave', () => {
    const { get, history } = endpoints(
      registered('u1', {}, AHEAD),
      viewed('u1', 'a', AHEAD),
      viewed('u1', 'b', LONG_AGO),
      viewed('u1', 'c'),
    );
    expect(get?.handle({ user: 'u1' })).toMatchObject({
      registered: iso(LOG_START),
      last_seen: iso(LOG_START + 3_000),
    });
    const page = history?.handle({ user: 'u1' }) as HistoryAnswer;
    expect(page.events.map(({ time }) => time)).toEqual([iso(LOG_START + 3_000), LONG_AGO.time, AHEAD.time]);
  });

  it.each([
    ['no later than the log stored it', viewed('u1', 'a', { time: '2100-01-01T00:00:00.000Z' }), LOG_START],
    ['at the event time if that is earlier', viewed('u1', 'a', { time: '2025-05-05T00:00:00Z' }), Date.UTC(2025, 4, 5)],
    ['in 1970 if the publisher says so', viewed('u1', 'a', { time: '1970-01-01T00:00:00Z' }), 0],
  ])('have seen a user %s', (_what, event, seen) => {
    expect(endpoints(event).get?.handle({ user: 'u1' })).toMatchObject({ last_seen: iso(seen) });
  });

  it('come from the tables of the release before while a rebuild adds the event times', () => {
    const { store } = fold(userProjection(config), [viewed('u1', 'a')]);
    const file = store.db.name;
    store.db.exec('DROP TABLE event_time');
    store.close();
    const next = { ...userProjection(config), code: 1_000 };
    const kept = openStore({ file, definition: next, codec, otherVersion: 'keep' });
    expect(kept).toMatchObject({ stale: true, rebuilt: false });
    const { get, history } = userEndpoints(kept.db, config);
    expect(get?.handle({ user: 'u1' })).toMatchObject({ last_seen: iso(LOG_START) });
    expect(history?.handle({ user: 'u1' })).toMatchObject({ events: [{ time: iso(LOG_START) }] });
    kept.close();
  });

  it('report an unknown user as not found', () => {
    expect(() => answers().get?.handle({ user: 'nobody' })).toThrow(NotFoundError);
    expect(() => answers().history?.handle({ user: 'nobody' })).toThrow(NotFoundError);
  });
});
