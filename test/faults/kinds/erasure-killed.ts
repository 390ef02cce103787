import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import type { Erasure } from '../../../src/bus/erasure/ledger.ts';
import { call } from '../../../src/bus/nats/micro.ts';
import { SERVICES, type ServiceName } from '../../../src/bus/projection/definition.ts';
import { outgoing, viewed } from '../../support/events.ts';
import { until } from '../../support/wait.ts';
import type { Fault } from '../fault.ts';
import { SOURCE } from '../harness/load.ts';

/** Short slices with long pauses, so that a kill meets the middle of an erasure. */
export const SLICES = {
  FRESHET_ERASURE_SLICE_EVENTS: '5',
  FRESHET_ERASURE_SLICE_REST: '50',
  FRESHET_ERASURE_REBUILD_AFTER_MS: '100',
};

/** Milliseconds that an erasure may take, with the rebuild of the engine. */
const DONE_MS = 120_000;

/** Events of the user that a projection still holds, and erasures under way in it. */
function leftIn(file: string, user: string): { events: number; erasing: number } {
  const db = new Database(file, { readonly: true, timeout: 5_000 });
  try {
    return db
      .prepare<[string], { events: number; erasing: number }>(
        `SELECT (SELECT count(*) FROM identity JOIN person ON person.id = identity.person WHERE user = ?) AS events,
           (SELECT count(*) FROM erasing) AS erasing`,
      )
      .get(user) as { events: number; erasing: number };
  } finally {
    db.close();
  }
}

/** SIGKILL between two slices of an erasure: the service goes on with it at its next start. */
export const erasureKilled: Fault = {
  name: 'killed-in-erasure',
  what: 'SIGKILL of a service between two slices of an erasure, each service in turn',
  times: { short: 2, long: 8 },
  system: { env: SLICES },
  inject: async ({ system, n, sized }) => {
    const victim = SERVICES[(n + 3) % SERVICES.length] as ServiceName;
    const user = `gone-${n}`;
    const events = Array.from({ length: sized(1_500) }, (_, i) =>
      outgoing(viewed(user, `item-${i % 40}`, { id: `${user}-${i}`, source: SOURCE })),
    );
    const acks = await Promise.all(events.map((event) => system.publisher.publish(event)));
    await system.folded(Math.max(...acks.map(({ seq }) => seq)));
    const { erasure } = await call<Erasure>(system.nc, 'freshet.user.forget', { user });
    const file = system.fileOf(victim);
    await until(() => leftIn(file, user).erasing > 0, { within: DONE_MS, what: `${victim} has begun the erasure` });
    await system.services[victim].kill();
    const { events: left, erasing } = leftIn(file, user);
    assert.ok(erasing === 1 && left > 0 && left < events.length, `${left} of ${events.length} events were left`);
    const status = (): Promise<Erasure> => call<Erasure>(system.nc, 'freshet.user.erasure', { erasure });
    const done = await until(
      async () => {
        const now = await status().catch(() => undefined);
        return now?.state === 'done' && now;
      },
      { within: DONE_MS, what: 'the erasure is done' },
    );
    // The record stays in the log, and the events are gone from it.
    for (const { seq } of done.acts) system.load.other(seq);
    assert.deepEqual(leftIn(file, user), { events: 0, erasing: 0 });
  },
};
