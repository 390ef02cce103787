/** Erasures in tests: services that forget quickly, a history of five users, and what must hold after an erasure. */
import { expect } from 'vitest';
import type { ErasureView } from '../../src/bus/erasure/ledger.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { clicked, linked, published, registered, served, viewed } from './events.ts';
import { useServices } from './services.ts';
import { until } from './wait.ts';

export const ITEMS = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Six items, five users with histories long enough that the ranker learns, a list that was shown and a click. */
export const history = () => [
  ...ITEMS.map((item) => published(item)),
  registered('u1', { age: 41 }),
  ...['u1', 'u2', 'u3', 'u4', 'u5'].flatMap((user, at) =>
    Array.from({ length: 8 }, (_, i) => viewed(user, ITEMS[(i + at) % ITEMS.length] as string)),
  ),
  viewed('s1', 'a'),
  linked('u1', 's1'),
  served('u1', 'l1', ['c', 'd']),
  clicked('u1', 'c', { list: 'l1' }),
];

/** Registers the services of a test file, and returns what its tests share. */
export function useErasures(name: string) {
  const services = useServices(name, {
    settings: {
      erasure: { look_ms: 20, rebuild_after_ms: 50, server_index_ms: 0 },
      engine: { training_content: false, snapshot_interval_ms: 3_600_000, snapshot_events: 1_000_000 },
    },
  });
  const { start, ask, subjects } = services;
  const startAll = async (): Promise<void> => {
    for (const service of SERVICES) await start(service);
  };
  const forget = (user: string): Promise<ErasureView> => ask('user.forget', { user });
  const status = (erasure: string): Promise<ErasureView> => ask('user.erasure', { erasure });
  const done = async (erasure: string): Promise<ErasureView> =>
    until(
      async () => {
        const entry = await status(erasure);
        return entry.state === 'done' && entry;
      },
      { within: 90_000, what: `erasure ${erasure}` },
    );

  /** Of all services tables, statistics and state are what the log gives that there is; nobody of these is in it. */
  async function expectEqualWithout(...ids: string[]): Promise<void> {
    const { stdout, stderr } = await services
      .runFreshet('verify', '--json')
      .catch((err: { stdout: string; stderr: string }) => err);
    expect(JSON.parse(stdout || '{}'), stderr).toMatchObject({ equal: true });
    for (const id of ids) {
      expect(await subjects(`ev.user.${id}.>`)).toEqual([]);
      expect(await subjects(`ev.feedback.${id}.>`)).toEqual([]);
      await expect(ask('user.get', { user: id })).rejects.toMatchObject({
        problem: { code: 'FRESHET_NOT_FOUND' },
      });
    }
  }
  return { services, startAll, forget, status, done, expectEqualWithout };
}
