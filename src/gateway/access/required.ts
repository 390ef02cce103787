/**
 * Whether an operator has ever made an API key. The log remembers it, because the bucket of the keys may be lost, and a
 * gateway must not take that for a system without keys.
 */
import type { NatsConnection } from 'nats';
import { EVENTS } from '../../../streams.config.ts';
import { createCodec } from '../../bus/event/codec.ts';
import { eventSubject } from '../../bus/event/subject.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { applyStreams } from '../../bus/streams/plan.ts';

/** The one act: keys are required once, and from then on. */
const ACT = 'api-keys';
const SUBJECT = eventSubject('control', ACT, 'keys_required');
const codec = createCodec();

/** Whether the log holds the record. Throws the errors of the connection. */
export async function keysWereMade(nc: NatsConnection): Promise<boolean> {
  const { streams } = await nc.jetstreamManager({ checkAPI: false });
  try {
    await streams.getMessage(EVENTS.name, { last_by_subj: SUBJECT });
    return true;
  } catch (err) {
    if (isNotFound(err)) return false;
    throw err;
  }
}

/** Writes the record if the log does not hold it. Creates the log if it does not exist. */
export async function rememberKeys(nc: NatsConnection): Promise<void> {
  await applyStreams(nc, { onlyMissing: true }, [EVENTS]);
  if (await keysWereMade(nc)) return;
  const event = {
    specversion: '1.0',
    id: ACT,
    source: 'freshet',
    type: 'control.keys_required.v1',
    subject: ACT,
    datacontenttype: 'application/json',
    data: {},
  };
  const prepared = codec.prepare(event, { control: true });
  if (!prepared.ok) throw new TypeError(prepared.problem.message);
  const { payload, identity } = prepared.prepared;
  await nc.jetstream().publish(SUBJECT, payload, { msgID: identity });
}
