/** The part of an import that concerns the catalogue: what becomes of each item, in numbers, and what is withdrawn. */
import type { CloudEvent } from '../bus/event/types.ts';
import type { Log } from '../bus/log/port.ts';
import { WithdrawalRefusedError } from '../errors.ts';
import {
  type Change,
  type ChangeCounts,
  createSync,
  type EventRow,
  type ImportPlan,
  type Missing,
  noChanges,
} from '../import/mod.ts';
import { count, note } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import type { CliSession } from './session.ts';

/** Options of the verb that concern the catalogue. */
export interface CatalogueOptions {
  withdrawMissing?: boolean | undefined;
  yes?: boolean | undefined;
}

export interface CatalogueImport {
  readonly counts: ChangeCounts;
  /** Before the files are read. Throws `SyncUnderWayError`. */
  begin(): Promise<void>;
  /**
   * Before each batch, once the files are read. Throws `WithdrawalRefusedError` before the import has published anything.
   *
   * @param rejected rows of the catalogue that the import could not read
   */
  ready(rejected: number): Promise<void>;
  /** The events of a row of an item, and what they do. */
  changesOf(row: EventRow): { change: Change; events: CloudEvent[] };
  /** The events that withdraw missing items, after all rows. Empty without `--withdraw-missing`. */
  withdrawals(): CloudEvent[];
  /** Takes an item out of the numbers: publishing rejected its event. */
  rejected(change: Change): void;
  remarks(): string[];
  end(): Promise<void>;
}

export const hasCatalogue = ({ files }: ImportPlan): boolean => files.some(({ role }) => role === 'items');

export function createCatalogueImport(
  plan: ImportPlan,
  { nc, config }: CliSession,
  log: Pick<Log, 'info'>,
  { withdrawMissing = false, yes = false, json = false }: CatalogueOptions & { json?: boolean },
): CatalogueImport {
  const source = plan.stateSource;
  let comparing: Progress | undefined;
  let waiting = false;
  const sync = createSync({
    nc,
    log,
    config,
    source,
    onRead: (items) => {
      comparing ??= createProgress('comparing with the catalogue', 'items', json);
      comparing.update(items);
    },
    onBehind: (seq) => {
      if (!json && !waiting) note(`Waiting until the content service has folded sequence ${count(seq)} of the log.`);
      waiting = true;
    },
    onWait: ({ pid, host }) => {
      if (json) return;
      note(
        `Process ${pid} on ${host} holds the lease on imports of the source ${source}. Waiting up to ${config.import.lease_ms / 1000} s to see whether it still runs.`,
      );
    },
  });
  const counts = noChanges();
  /** The items to withdraw, once their number is checked. */
  let missing: readonly string[] | undefined;

  function checked(rejected: number): readonly string[] {
    if (!withdrawMissing) return [];
    const found = sync.missing(plan.describes);
    if (!yes) checkWithdrawal(found, rejected, source, config.import.withdraw_share);
    return found.items;
  }

  return {
    counts,
    begin: sync.begin,
    ready: async (rejected) => {
      await sync.ready();
      comparing?.end();
      missing ??= checked(rejected);
    },
    changesOf: ({ event }) => {
      const difference = sync.difference(event);
      counts[difference.change]++;
      return difference;
    },
    withdrawals: () => {
      // If the import has read the catalogue again meanwhile, somebody else may have withdrawn some of them.
      const still = new Set(sync.missing(plan.describes).items);
      const items = missing?.filter((item) => still.has(item)) ?? [];
      counts.withdrawn = items.length;
      return items.map(sync.withdrawal);
    },
    rejected: (change) => {
      counts[change]--;
    },
    remarks: () => remarksOn(sync.withdrawnByOthers(), withdrawMissing ? sync.missing(plan.describes) : undefined),
    end: async () => {
      comparing?.end();
      await sync.close();
    },
  };
}

/** `1 item`, `1,200 items` */
export const counted = (n: number, noun: string): string => `${count(n)} ${noun}${n === 1 ? '' : 's'}`;

/** Throws `WithdrawalRefusedError` if so many missing items look like a mistake. */
export function checkWithdrawal({ items, ofSource }: Missing, rejected: number, source: string, share: number): void {
  if (items.length === 0) return;
  const details = { source, missing: items.length, of: ofSource, rejected, share };
  if (rejected > 0)
    throw new WithdrawalRefusedError(
      `The files lack ${counted(items.length, 'item')} of the source ${source}, and the import cannot read ${counted(rejected, 'row')} of the catalogue, which may describe them, so it has published nothing.`,
      { next: 'correct the rows, or pass --yes to withdraw all missing items', details },
    );
  if (items.length > ofSource * share)
    throw new WithdrawalRefusedError(
      `The files lack ${count(items.length)} of the ${counted(ofSource, 'item')} of the source ${source}, which is more than ${count(share * 100)} % (import.withdraw_share), so the import has published nothing.`,
      { next: 'check that the files are complete; then pass --yes to withdraw these items', details },
    );
}

/** Most sources to name in a remark. */
const SOURCES_NAMED = 3;

export function remarksOn(withdrawnByOthers: number, missing: Missing | undefined): string[] {
  const others = [...(missing?.ofOthers ?? [])].sort(([, a], [, b]) => b - a);
  const kept = others.reduce((sum, [, items]) => sum + items, 0);
  const named = others.slice(0, SOURCES_NAMED).map(([source, items]) => `${source} ${count(items)}`);
  return [
    ...(withdrawnByOthers === 0
      ? []
      : [
          `Another source withdrew ${counted(withdrawnByOthers, 'item')} of the files, and the import restores only what its own source withdrew. To offer such an item again, publish a content.restored.v1 for it.`,
        ]),
    ...(kept === 0
      ? []
      : [
          `The import keeps ${counted(kept, 'item')} that the files do not contain, because the last publication is of another source (${named.join(', ')}${others.length > SOURCES_NAMED ? ', ...' : ''}). If that is the same data, pass --source with its name.`,
        ]),
  ];
}

/** `10 new, 120 changed, 3 restored, 4,867 unchanged, 7 withdrawn` */
export const changesInWords = ({ new: added, changed, restored, unchanged, withdrawn }: ChangeCounts): string =>
  `${count(added)} new, ${count(changed)} changed, ${count(restored)} restored, ${count(unchanged)} unchanged, ${count(withdrawn)} withdrawn`;
