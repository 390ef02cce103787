/** Keeps imports of old files from bringing forgotten users back. */
import type { NatsConnection } from 'nats';
import type { EventProblem } from '../../errors.ts';
import { erasureHmac } from '../event/erasure-hmac.ts';
import { erasureKey } from '../streams/erasure-key.ts';
import { openLedger } from './ledger.ts';

/** Returns a check that refuses events of users in the ledger of erasures. */
export async function refuseForgotten(nc: NatsConnection): Promise<(event: unknown) => EventProblem | undefined> {
  const key = await erasureKey(nc);
  const entries = await (await openLedger(nc)).list();
  const gone = new Set(entries.flatMap(({ acts }) => acts.map(({ hmac }) => hmac)));
  if (gone.size === 0) return () => undefined;
  const known = new Map<string, boolean>();
  return (event) => {
    const { type, subject } = event as { type?: unknown; subject?: unknown };
    if (typeof subject !== 'string' || !/^(user|feedback)\./.test(String(type))) return undefined;
    const is = known.get(subject) ?? gone.has(erasureHmac(key, subject));
    known.set(subject, is);
    if (!is) return undefined;
    return { code: 'FRESHET_EVENT_USER_ERASED', message: 'The event belongs to a user whom Freshet has forgotten.' };
  };
}
