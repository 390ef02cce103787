/** Published lists fit into a message of the nats-server, whatever ids their items have. */
import { describe, expect, it } from 'vitest';
import { RANKINGS } from '../../../streams.config.ts';
import { useServices } from '../../../test/support/services.ts';
import { MAX_ID_BYTES } from '../../bus/event/ids.ts';
import { longestList } from './payload.ts';

const services = useServices('payload');

describe('a length of published lists', () => {
  it.each(['list_length', 'similar_length'] as const)(
    'engine.%s that might not fit is refused at the start, with the largest one that fits',
    async (setting) => {
      const longest = longestList(services.nc.info?.max_payload ?? 0);
      expect(longest).toBe(2_947);
      const engine = { [setting]: longest + 1 };
      await expect(services.start('engine', { settings: { engine } })).rejects.toMatchObject({
        code: 'FRESHET_CONFIG_INVALID',
        message: expect.stringContaining(
          `engine.${setting} is ${longest + 1}, and a list of more than ${longest} items`,
        ),
        next: expect.stringContaining(`set engine.${setting} to ${longest} or less`),
      });
      await services.start('engine', { settings: { engine: { ...engine, publish_rankings: false } } });
    },
  );

  it('that is the largest one fits with the longest ids', async () => {
    const { nc, publisher } = services;
    const longest = longestList(nc.info?.max_payload ?? 0);
    // A quote takes two bytes in JSON, and three in a subject.
    const id = '"'.repeat(MAX_ID_BYTES);
    const number = -1.2345678901234567e-100;
    const entry = { item: id, score: number, propensity: number, explored: true };
    const list = {
      user: id,
      items: Array.from({ length: longest }, () => entry),
      seq: Number.MAX_SAFE_INTEGER,
      source: 'neighbours',
      arm: `${'x'.repeat(64)}/${'y'.repeat(64)}`,
      snapshot: 's'.repeat(255),
      config: 'c'.repeat(12),
    };
    const payload = Buffer.from(JSON.stringify(list));
    const subject = `$KV.${RANKINGS.name}.user.${'=22'.repeat(MAX_ID_BYTES)}`;
    expect(await publisher.publish({ subject, payload })).toMatchObject({ seq: 1 });
    expect(payload.length).toBeGreaterThan(0.99 * (nc.info?.max_payload ?? 0));
  });
});
