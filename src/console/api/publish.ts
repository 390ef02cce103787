/** Publishes events in the name of the operator at the console. */
import { newId } from '../../client/id.ts';
import { call } from './call.ts';
import { sourceOfEvents } from './caller.ts';
import { ApiError } from './problem.ts';

interface Published {
  accepted: number;
  duplicates: number;
  rejected: { code: string; message: string }[];
  seq?: number;
}

/** @returns the position of the event in the log. Throws `ApiError` if the gateway rejects it. */
export async function publish(type: string, subject: string, data: object): Promise<number> {
  const event = {
    specversion: '1.0',
    id: newId(),
    source: sourceOfEvents(),
    type,
    subject,
    time: new Date().toISOString(),
    datacontenttype: 'application/json',
    data,
  };
  const answer = await call<Published>('v1/events', {
    method: 'POST',
    body: event,
    media: 'application/cloudevents+json',
  });
  const [rejected] = answer.rejected;
  if (answer.seq !== undefined && rejected === undefined) return answer.seq;
  throw new ApiError({
    code: rejected?.code ?? 'EVENT_REJECTED',
    title: 'Event refused',
    detail: rejected?.message ?? 'The gateway did not store the event.',
    next: 'See docs/reference/events.md',
    status: 400,
  });
}
