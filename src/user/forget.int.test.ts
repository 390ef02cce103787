import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linked, outgoing, registered, viewed } from '../../test/support/events.ts';
import { useServices } from '../../test/support/services.ts';
import { until } from '../../test/support/wait.ts';
import type { Erasure } from '../bus/erasure/ledger.ts';
import type { Json } from '../bus/nats/micro.ts';
import { applyStreams } from '../bus/streams/plan.ts';

const services = useServices('forget', { settings: { erasure: { look_ms: 20 } } });

describe('forgetting', () => {
  it('is repeated on a log from a backup that still contains the user', async () => {
    await services.start('user');
    const history = [registered('u1', { age: 41 }), viewed('s1', 'a'), linked('u1', 's1'), registered('u2')].map(
      outgoing,
    );
    const fill = async (): Promise<void> => {
      for (const message of history) await services.publisher.publish(message);
    };
    const ask = <T = Json>(endpoint: string, request: Json): Promise<T> => services.ask<T>(`user.${endpoint}`, request);
    const subjects = (): Promise<string[]> => services.subjects('ev.user.>');
    await fill();
    await ask('get', { user: 'u2', min_seq: 4 });
    const { erasure } = await ask<Erasure>('forget', { user: 'u1' });
    await until(async () => (await subjects()).length === 1);
    await until(async () => (await ask<Erasure>('erasure', { erasure })).services[0]?.state === 'exact');
    await expect(ask('get', { user: 'u1' })).rejects.toMatchObject({ problem: { code: 'FRESHET_NOT_FOUND' } });

    await services.stop('user');
    await (await services.nc.jetstreamManager()).streams.delete('EVENTS');
    rmSync(join(services.data, 'user.sqlite'));
    await applyStreams(services.nc, { onlyMissing: true });
    await fill();
    expect(await subjects()).toHaveLength(4);
    await services.start('user');
    await until(async () => (await subjects()).join() === 'ev.user.u2.registered');
    await until(async () => (await ask<Erasure>('erasure', { erasure })).services[0]?.state === 'exact');
    for (const user of ['u1', 's1'])
      await expect(ask('get', { user })).rejects.toMatchObject({ problem: { code: 'FRESHET_NOT_FOUND' } });
    expect(await ask('get', { user: 'u2' })).toMatchObject({ user: 'u2' });
  });
});
