import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { outgoing, viewed } from '../../../test/support/events.ts';
import { startNatsServer } from '../../../test/support/nats.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { applyStreams } from '../streams/plan.ts';
import { archiveStream } from './archive.ts';

/** Four megabytes that do not compress. */
const MESSAGES = 1_000;

it('acknowledges no message but those of the server', async () => {
  const server = await startNatsServer();
  onTestFinished(() => server.stop());
  const nc = await server.connect();
  await applyStreams(nc);
  const { subject, payload } = outgoing(viewed('u1', 'i1'));
  // The server still writes when the message of the other program arrives.
  for (let n = 1; n < MESSAGES; n++) nc.publish(subject, randomBytes(4_096));
  await nc.jetstream().publish(subject, payload);
  // A program that reads the requests knows the inbox of the backup.
  const other = await server.connect();
  other.subscribe('$JS.API.STREAM.SNAPSHOT.EVENTS', {
    callback: (_err, message) => {
      const { deliver_subject: inbox } = message.json<{ deliver_subject: string }>();
      other.publish(inbox, 'x', { reply: 'ev.user.u2.viewed' });
    },
  });
  await other.flush();
  const file = join(tempDir('archive'), 'events');
  await expect(
    archiveStream(nc, 'EVENTS', file, { chunkBytes: 1_024, window: 1, stallMs: 5_000 }),
  ).rejects.toMatchObject({ code: 'FRESHET_BACKUP_FAILED', message: expect.stringContaining('another sender') });
  const { state } = await (await nc.jetstreamManager()).streams.info('EVENTS');
  expect(state.messages).toBe(MESSAGES);
});
