/** The short form of `npm run test:long -- backup`: a whole system on the nats-server of the tests. */
import { expect, it } from 'vitest';
import { natsServerProgram } from '../support/nats.ts';
import { runBackup } from './run.ts';

it('a system that was backed up under load and restored equals a fold of its log, without the forgotten users', async () => {
  const { path } = await natsServerProgram();
  const result = await runBackup({ server: path, events: 1_500, rate: 300 });
  expect(result.wrong).toEqual([]);
  expect(result).toMatchObject({ outcome: 'equal' });
  expect(result.restored).toBeGreaterThanOrEqual(result.last_seq);
});
