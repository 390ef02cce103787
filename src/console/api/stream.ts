/** Follows server-sent events. Uses fetch, because EventSource cannot send a key in a header. */
import { readEvents } from '../../client/sse.ts';
import { request } from './call.ts';
import { ApiError, type Problem, problemOf } from './problem.ts';

/** Milliseconds between two attempts. */
const RETRY_MS = 2_000;
/** Milliseconds of silence after which the connection counts as lost: three heartbeats of the gateway. */
const SILENCE_MS = 45_000;

export type StreamState = 'connecting' | 'live' | 'lost';

export interface StreamHandlers {
  onEvent(event: string, data: unknown, id: string | undefined): void;
  onState(state: StreamState, problem?: Problem): void;
}

/**
 * Follows the stream until the signal aborts. Connects again after a break, and names the last id that it received. Ends
 * for good if the gateway refuses the request itself.
 */
export async function follow(path: string, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    const connection = new AbortController();
    const close = (): void => connection.abort();
    signal.addEventListener('abort', close);
    let silence: ReturnType<typeof setTimeout> | undefined;
    const alive = (): void => {
      clearTimeout(silence);
      silence = setTimeout(close, SILENCE_MS);
    };
    try {
      const response = await request(path, {
        headers: last === undefined ? {} : { 'last-event-id': last },
        signal: connection.signal,
      });
      handlers.onState('live');
      alive();
      for await (const { id, event, data } of readEvents(response, alive)) {
        last = id ?? last;
        handlers.onEvent(event ?? 'message', JSON.parse(data), id);
      }
      if (!signal.aborted) handlers.onState('lost');
    } catch (err) {
      if (signal.aborted) return;
      const problem = problemOf(err);
      handlers.onState('lost', err instanceof ApiError ? problem : undefined);
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener('abort', close);
    }
    if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
