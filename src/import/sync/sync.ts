/** A sync of a catalogue: which events make the content service hold what the files say. */
import type { NatsConnection } from 'nats';
import type { CloudEvent } from '../../bus/event/types.ts';
import type { Log } from '../../bus/log/port.ts';
import type { Config } from '../../config/schema.ts';
import { type Difference, differenceOf, type Missing, missingFrom, withdrawalOf } from './difference.ts';
import { type Catalogue, type Held, type ReadOptions, readCatalogue } from './held.ts';
import { createSourceLease, type SourceLeaseOptions } from './lease.ts';

export interface CatalogueSync {
  /** Makes sure that this process is the only sync of the source. Throws `SyncUnderWayError`. */
  begin(): Promise<void>;
  /**
   * The same, and that it compares with what content holds. The caller calls it before each batch. Throws
   * `SyncUnderWayError`, `ServiceUnavailableError`.
   */
  ready(): Promise<void>;
  /** How an item of the files differs, by its event of the plan. */
  difference(event: CloudEvent): Difference;
  missing(describes: (item: string) => boolean): Missing;
  withdrawal(item: string): CloudEvent;
  /** How many items of the files another source has withdrawn: they stay withdrawn. */
  withdrawnByOthers(): number;
  close(): Promise<void>;
}

export interface SyncOptions extends Pick<SourceLeaseOptions, 'onWait'> {
  nc: NatsConnection;
  log: Pick<Log, 'info'>;
  config: Pick<Config, 'import'>;
  source: string;
  /** Compares only: needs no lease. */
  dryRun?: boolean;
  /** Gets the number of items read so far. */
  onRead?: ((items: number) => void) | undefined;
  onBehind?: ReadOptions['onBehind'];
}

export function createSync({
  nc,
  log,
  config,
  source,
  dryRun = false,
  onWait,
  onRead,
  onBehind,
}: SyncOptions): CatalogueSync {
  const { lease_ms, catch_up_ms, page_items } = config.import;
  const lease = dryRun ? undefined : createSourceLease({ nc, source, lapseMs: lease_ms, onWait });
  let held: Catalogue = new Map();
  let readAs: number | undefined;
  let byOthers = 0;

  return {
    begin: async () => void (await lease?.hold()),
    ready: async () => {
      // A process that was paused for long may have lost the lease to another sync, which changed the catalogue.
      const turn = lease ? await lease.hold() : 0;
      if (turn === readAs) return;
      const { lastSeq } = await log.info();
      held = await readCatalogue(nc, {
        seq: lastSeq,
        pageItems: page_items,
        withinMs: catch_up_ms,
        // Without a system at hand, a dry run says so at once.
        impatient: dryRun,
        onProgress: onRead,
        onBehind,
      });
      readAs = turn;
    },
    difference: (event) => {
      if (event.type !== 'content.published.v1') throw new TypeError(`${event.type} does not describe an item`);
      const item = held.get(event.subject);
      if (item?.withdrawnBy !== undefined && item.withdrawnBy !== source) byOthers++;
      return differenceOf(event, item);
    },
    missing: (describes) => missingFrom(describes, held, source),
    withdrawal: (item) => withdrawalOf(item, held.get(item) as Held, source),
    withdrawnByOthers: () => byOthers,
    close: async () => lease?.release(),
  };
}
