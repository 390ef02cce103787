/** The removal of a key of a KV bucket, told to those who follow the key. */
import { Empty, headers, type NatsConnection } from 'nats';

/**
 * Publishes the marker of a removed key, as the KV of NATS does. A purge of the key's messages leaves no trace of the key,
 * but sends no message, so a follower would show the last value for ever. The caller purges the key after this, and the
 * marker with it. Throws the errors of the connection.
 */
export async function announceRemoval(nc: NatsConnection, bucket: string, key: string): Promise<void> {
  const marker = headers();
  marker.set('KV-Operation', 'PURGE');
  marker.set('Nats-Rollup', 'sub');
  await nc.jetstream().publish(`$KV.${bucket}.${key}`, Empty, { headers: marker });
}
