/** What an import would do to the catalogue: numbers, and examples with the fields that change. Publishes nothing. */
import type { NatsConnection } from 'nats';
import type { ItemData } from '../bus/event/types.ts';
import { createJetStreamLog } from '../bus/log/jetstream.ts';
import { call } from '../bus/nats/micro.ts';
import { createPublisher } from '../bus/nats/publisher.ts';
import { ImportFormatError, isFreshetError, messageOf } from '../errors.ts';
import {
  type Change,
  type ChangeCounts,
  createSync,
  type FieldDifference,
  fieldDifferences,
  type ImportPlan,
  noChanges,
} from '../import/mod.ts';
import { type CatalogueOptions, changesInWords, checkWithdrawal, counted, remarksOn } from './catalogue.ts';
import { count, note } from './output.ts';
import { createProgress } from './progress.ts';
import { type CliSession, type CommonOptions, withSession } from './session.ts';

interface Example {
  item: string;
  change: Change;
  title: string;
  /** Left out for an item that is new or would be withdrawn. */
  differences?: FieldDifference[];
}

export interface CatalogueComparison extends ChangeCounts {
  /** Rows that the import cannot read. */
  rejected: number;
  /** Items of the source that are missing from the files; only --withdraw-missing withdraws them. */
  missing: number;
  /** Available items that the source published last. */
  of_source: number;
  /** Why the import would refuse to withdraw the missing items. */
  refused?: string;
  examples: Example[];
  remarks: string[];
}

/** Examples of each change. */
const EXAMPLES = 3;
const BATCH = 2_000;

/** Compares the files with a running system; a text says why it cannot. */
export async function compareCatalogue(
  plan: ImportPlan,
  options: CommonOptions & CatalogueOptions,
): Promise<CatalogueComparison | string> {
  try {
    return await withSession(options, (session) => compare(plan, session, options));
  } catch (err) {
    if (!isFreshetError(err) || err instanceof ImportFormatError) throw err;
    return messageOf(err);
  }
}

async function compare(
  plan: ImportPlan,
  { nc, config }: CliSession,
  { withdrawMissing = false, yes = false, json = false }: CommonOptions & CatalogueOptions,
): Promise<CatalogueComparison> {
  const publisher = createPublisher(nc);
  const log = await createJetStreamLog({ nc, publisher });
  const comparing = createProgress('comparing with the catalogue', 'items', json);
  const sync = createSync({ nc, log, config, source: plan.stateSource, dryRun: true, onRead: comparing.update });
  const counts = noChanges();
  const found: { item: string; change: Change; data?: ItemData }[] = [];
  const shown = noChanges();
  const example = (item: string, change: Change, data?: ItemData): void => {
    if (change !== 'unchanged' && shown[change]++ < EXAMPLES) found.push({ item, change, ...(data ? { data } : {}) });
  };
  let rejected = 0;
  try {
    await sync.ready();
    for await (const rows of plan.batches(BATCH, 'items'))
      for (const row of rows) {
        if (row.kind === 'rejected') rejected++;
        if (row.kind !== 'event') continue;
        const { change } = sync.difference(row.event);
        counts[change]++;
        example(row.event.subject, change, row.event.data as ItemData);
      }
    const missing = sync.missing(plan.describes);
    let refused: string | undefined;
    if (withdrawMissing) {
      counts.withdrawn = missing.items.length;
      for (const item of missing.items.slice(0, EXAMPLES)) example(item, 'withdrawn');
      if (!yes)
        refused = refusalOf(() => checkWithdrawal(missing, rejected, plan.stateSource, config.import.withdraw_share));
    }
    return {
      ...counts,
      rejected,
      missing: missing.items.length,
      of_source: missing.ofSource,
      ...(refused === undefined ? {} : { refused }),
      examples: await complete(nc, found),
      remarks: remarksOn(sync.withdrawnByOthers(), withdrawMissing ? missing : undefined),
    };
  } finally {
    comparing.end();
    await sync.close();
    await publisher.close();
  }
}

function refusalOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (err) {
    return messageOf(err);
  }
}

/** Adds what the catalogue holds of the items now. */
async function complete(
  nc: NatsConnection,
  found: readonly { item: string; change: Change; data?: ItemData }[],
): Promise<Example[]> {
  const ids = found.filter(({ change }) => change !== 'new').map(({ item }) => item);
  const held = new Map<string, ItemData>();
  for (const id of ids) {
    const {
      item,
      available: _,
      ...fields
    } = await call<ItemData & { item: string; available: boolean }>(nc, 'freshet.content.get', { item: id });
    held.set(item, fields);
  }
  return found.map(({ item, change, data }) => {
    const before = held.get(item);
    const title = (data ?? before)?.title ?? item;
    return { item, change, title, ...(before && data ? { differences: fieldDifferences(before, data) } : {}) };
  });
}

/** Prints the comparison, or the reason why the dry run could not compare. */
export function printComparison(
  comparison: CatalogueComparison | string,
  { withdrawMissing = false }: CatalogueOptions,
): void {
  if (typeof comparison === 'string') {
    note(`The dry run cannot compare the catalogue with a running system: ${comparison}`);
    return;
  }
  const { missing, of_source, refused, rejected, examples, remarks } = comparison;
  note(`compared with the catalogue of the running system: ${changesInWords(comparison)}`);
  if (rejected > 0) note(`  the import would reject ${counted(rejected, 'row')} of the catalogue`);
  for (const { item, change, title, differences } of examples)
    note(`  ${change}: ${item} ${JSON.stringify(title)}${differences ? inWords(differences) : ''}`);
  if (!withdrawMissing && missing > 0)
    note(
      `  the files lack ${count(missing)} of the ${counted(of_source, 'item')} of this source; --withdraw-missing would withdraw them`,
    );
  if (refused !== undefined) note(`  the import would refuse that: ${refused}`);
  for (const remark of remarks) note(`  ${remark}`);
}

const SHOWN = 60;
const short = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text;
};

const inWords = (differences: readonly FieldDifference[]): string =>
  differences.length === 0
    ? ''
    : `: ${differences.map(({ field, from, to }) => `${field} from ${short(from)} to ${short(to)}`).join(', ')}`;
