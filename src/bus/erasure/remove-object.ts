/**
 * Removes an object of the object store so that no byte of it stays in the server's files: its client only purges the
 * parts of the object.
 */
import type { JetStreamManager, ObjectStore } from 'nats';
import { removeMessages, sequencesOn } from './remove-messages.ts';

/** Does nothing if the store does not hold the object. It can run again after a crash. */
export async function removeObject(
  jsm: JetStreamManager,
  store: ObjectStore,
  bucket: string,
  name: string,
): Promise<void> {
  const info = await store.info(name);
  if (!info || info.deleted) return;
  const stream = `OBJ_${bucket}`;
  await removeMessages(jsm, stream, sequencesOn(jsm, stream, `$O.${bucket}.C.${info.nuid}`));
  await store.delete(name);
}
