/** The benchmark of a new replica in small. */
import { expect, it } from 'vitest';
import { textOf } from './command.ts';
import { runReplica } from './replica.ts';

it('measures a replica from the leader’s snapshot and one from the first event, which answer as the leader does', async () => {
  const figures = await runReplica({ events: 1_200, behind: 100, users: 5, say: () => {} });
  const { events, snapshot, fromSnapshot, fromFirstEvent } = figures;
  expect(snapshot).toBeLessThan(events);
  expect(fromSnapshot).toMatchObject({ from: snapshot, equal: 5, asked: 5 });
  expect(fromSnapshot.rowsAlone).toBeGreaterThan(0);
  expect(fromFirstEvent).toMatchObject({ from: 0, rowsAlone: 0, equal: 5, asked: 5 });
  expect(textOf(figures)).toContain('5 of 5');
});
