/** The catalogue as the content service holds it, as far as a sync compares it. */
import type { NatsConnection } from 'nats';
import type { StreamSeq } from '../../bus/event/ids.ts';
import type { VersionsAnswer } from '../../bus/event/item-version.ts';
import { call } from '../../bus/nats/micro.ts';
import { RemoteProblemError } from '../../bus/nats/problem.ts';
import { ServiceUnavailableError } from '../../errors.ts';

/** What content holds of an item. */
export interface Held {
  /** The version: sequence of the last event that changed the item. */
  seq: number;
  /** Hash of the fields, by `contentHash`. */
  hash: number;
  /** Source of the last publication. */
  source: string;
  /** Source of the withdrawal; undefined: the item is available. */
  withdrawnBy?: string | undefined;
}

/** Items by their ids. */
export type Catalogue = ReadonlyMap<string, Held>;

export interface ReadOptions {
  /** The state holds at least the event with this sequence. */
  seq: StreamSeq;
  /** Items in one request. */
  pageItems: number;
  /** Milliseconds that the service has to answer and to fold the log up to `seq`. */
  withinMs: number;
  /** Throws at once if no service answers, rather than waiting for one that starts. */
  impatient?: boolean;
  /** Gets the number of items read so far. */
  onProgress?: ((items: number) => void) | undefined;
  /** Called each time that the service has answered that it is behind `seq`. */
  onBehind?: ((seq: StreamSeq) => void) | undefined;
}

const PAUSE_MS = 200;

/** Reads the version of every item. Throws `ServiceUnavailableError` if content does not answer, or is not there in time. */
export async function readCatalogue(
  nc: NatsConnection,
  { seq, pageItems, withinMs, impatient = false, onProgress, onBehind }: ReadOptions,
): Promise<Catalogue> {
  const items = new Map<string, Held>();
  const deadline = performance.now() + withinMs;
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const request = { min_seq: seq, n: pageItems, ...(cursor === undefined ? {} : { cursor }) };
    const { versions, next } = await page(nc, request, deadline, impatient, onBehind);
    for (const { item, seq: changed, hash, source, withdrawn_by } of versions)
      items.set(item, { seq: changed, hash, source, withdrawnBy: withdrawn_by });
    onProgress?.(items.size);
    cursor = next;
  }
  return items;
}

/** One page. It asks again while the service is behind the log or starts again. */
async function page(
  nc: NatsConnection,
  request: { min_seq: StreamSeq },
  deadline: number,
  impatient: boolean,
  onBehind: ReadOptions['onBehind'],
): Promise<VersionsAnswer> {
  for (;;) {
    try {
      return await call<VersionsAnswer>(nc, 'freshet.content.versions', { ...request });
    } catch (cause) {
      const behind = cause instanceof RemoteProblemError && cause.code === 'FRESHET_SEQUENCE_NOT_REACHED';
      if (!behind && !(cause instanceof ServiceUnavailableError)) throw cause;
      if (performance.now() > deadline || (impatient && !behind))
        throw new ServiceUnavailableError(
          `An import compares a catalogue with what the content service holds, and the service ${behind ? `has not folded sequence ${request.min_seq} of the log` : 'does not answer'}.`,
          {
            next: 'run freshet status until content is ready, then run this command again; import.catch_up_ms is how long it waits',
            details: { seq: request.min_seq },
            cause,
          },
        );
      if (behind) onBehind?.(request.min_seq);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
