/** What happens to a simulated log: events of every kind, repeated, broken, taken back and forgotten, drawn by chance. */
import { erasureHmac } from '../../src/bus/event/erasure-hmac.ts';
import { encodeToken } from '../../src/bus/event/ids.ts';
import type { MemoryLog } from '../../src/bus/log/memory.ts';
import type { Random } from '../../src/bus/log/random.ts';
import { PublishUnacknowledgedError } from '../../src/errors.ts';
import {
  clicked,
  dismissed,
  event,
  linked,
  outgoing,
  patched,
  published,
  purchased,
  rated,
  registered,
  restored,
  retracted,
  served,
  type TestEvent,
  updated,
  viewed,
  withdrawn,
} from '../support/events.ts';
import { KEY } from './services.ts';

// Few of everything, so that events meet: identities are used again, sessions claimed twice, lists clicked by others.
const USERS = ['u1', 'u2', 'u3', 's1', 's2'];
const ITEMS = ['a', 'b', 'c', 'd'];
const LISTS = 4;
const IDS = 60;

export interface Happenings {
  /** One more thing happens to the log. */
  next(): Promise<void>;
  /** How many users were forgotten. */
  readonly forgotten: number;
}

export function createHappenings(log: MemoryLog, random: Random, forgets: boolean): Happenings {
  let acts = 0;
  let forgotten = 0;
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)] as T;

  function anEvent(): TestEvent {
    const extras = {
      id: `e${random.below(IDS)}`,
      // Mostly as it is; now and then from a clock that is off by a day, or from long ago.
      ...(random.chance(0.2)
        ? { time: new Date(pick([0, Date.UTC(2100, 0, 1), Date.now() - 86_400_000, Date.now()])).toISOString() }
        : {}),
    };
    const [user, item, list] = [pick(USERS), pick(ITEMS), `list${random.below(LISTS)}`];
    switch (random.below(16)) {
      case 0:
        return registered(user, { age: random.below(90) }, extras);
      case 1:
        return updated(user, { country: pick(['NL', 'FR']) }, extras);
      case 2:
        return linked(user, pick(USERS), extras);
      case 3:
        return retracted(user, { id: `e${random.below(IDS)}` }, extras);
      case 4:
        return served(user, list, ITEMS, extras);
      case 5:
        return clicked(user, item, { ...extras, ...(random.chance(0.7) ? { list } : {}) });
      case 6:
        return dismissed(user, item, extras);
      case 7:
        return purchased(user, item, { ...extras, list });
      case 8:
        return rated(user, item, 1 + random.below(5), extras);
      case 9:
        return published(item, { tags: [pick(['sea', 'land'])] }, extras);
      case 10:
        return pick([
          patched(item, { title: `Title ${random.below(9)}` }, extras),
          withdrawn(item, extras),
          restored(item, extras),
        ]);
      default:
        return viewed(user, item, extras);
    }
  }

  /** Under a message id of its own: the log's window would hide that an identity comes again. */
  const send = (subject: string, payload: Uint8Array): Promise<void> =>
    log.publish({ subject, payload, identity: `m/${++acts}` }).then(
      () => {},
      (err: unknown) => {
        if (!(err instanceof PublishUnacknowledgedError)) throw err;
      },
    );

  async function forget(user: string): Promise<void> {
    const { lastSeq } = await log.info();
    const data = { hmac: erasureHmac(KEY, user), fence: lastSeq };
    const record = outgoing(event('control.erased.v1', `act${++forgotten}`, data, { id: `act${forgotten}` }));
    await send(record.subject, record.payload);
    const token = encodeToken(user);
    const theirs = [`ev.user.${token}.`, `ev.feedback.${token}.`];
    log.purge(({ seq, subject }) => seq <= lastSeq && theirs.some((prefix) => subject.startsWith(prefix)));
  }

  return {
    next: async () => {
      const draw = random.next();
      if (draw < 0.04) return send(`ev.user.${pick(USERS)}.viewed`, Buffer.from(pick(['', '{', 'null', '\0'])));
      if (draw < 0.06)
        return send('ev.user.u1.x_strange', Buffer.from(JSON.stringify(event('user.x_strange.v1', 'u1', {}))));
      if (forgets && draw < 0.075) return forget(pick(USERS));
      const one = outgoing(anEvent());
      await send(one.subject, one.payload);
      if (random.chance(0.1)) await send(one.subject, one.payload);
    },
    get forgotten() {
      return forgotten;
    },
  };
}
