/** Publishes what an import plan yields: events of its rows, and the differences of its catalogue. */
import { createBulk } from '../bus/bulk/bulk.ts';
import { refuseForgotten } from '../bus/erasure/forgotten.ts';
import { createCodec } from '../bus/event/codec.ts';
import { type EventIdentity, eventIdentity } from '../bus/event/ids.ts';
import type { CloudEvent } from '../bus/event/types.ts';
import { createJetStreamLog } from '../bus/log/jetstream.ts';
import { createPoller } from '../bus/nats/poller.ts';
import { createPublisher, publisherLimits } from '../bus/nats/publisher.ts';
import type { Change, ChangeCounts, ImportPlan, ImportRow } from '../import/mod.ts';
import { type CatalogueOptions, changesInWords, createCatalogueImport, hasCatalogue } from './catalogue.ts';
import { remarkOnNewerEvents } from './newer-events.ts';
import { note, printJson } from './output.ts';
import { createProgress, type Progress } from './progress.ts';
import type { CliSession } from './session.ts';

export interface ImportResult {
  read: number;
  published: number;
  /** Rows whose event the log holds already, repeated rows, and items that have not changed. */
  duplicates: number;
  rejected: number;
  /** Wall clock. */
  seconds: number;
  /** Items by what became of them; left out: the files hold no catalogue. */
  catalogue?: ChangeCounts;
}

/** Where an event comes from, and what it does to an item. */
interface Origin {
  file: string;
  line: number;
  change?: Change;
}

/** Events per request to the services' index of event identities. */
const BATCH = 2_000;
/** Most rejected rows to print; --json prints all of them. */
const REJECTED_SHOWN = 20;

/** The identities that older builds gave to the interactions of a plan. */
const formerIdentities =
  ({ source, formerSources }: ImportPlan) =>
  (event: CloudEvent): EventIdentity[] =>
    event.source === source ? formerSources.map((former) => eventIdentity(former, event.id)) : [];

/** Prints rejected rows as they come. Throws `SyncUnderWayError`, `WithdrawalRefusedError`, `ServiceUnavailableError`. */
export async function publishPlan(
  plan: ImportPlan,
  session: CliSession,
  options: CatalogueOptions & { json?: boolean },
): Promise<{ result: ImportResult; remarks: string[] }> {
  const started = performance.now();
  const { nc, config } = session;
  const json = options.json === true;
  const publisher = createPublisher(nc, publisherLimits(config));
  const log = await createJetStreamLog({ nc, publisher });
  const { lastSeq } = await log.info();
  const codec = createCodec({ declared: config.events.declared, maxEventBytes: config.events.max_bytes });
  const catalogue = hasCatalogue(plan) ? createCatalogueImport(plan, session, log, { ...options, json }) : undefined;
  const catalogueFiles = new Set(plan.files.filter(({ role }) => role === 'items').map(({ path }) => path));
  let rejected = 0;
  let rejectedItems = 0;
  const reject = (row: { file: string; line: number; code: string; message: string }): void => {
    rejected++;
    if (json) printJson({ rejected: { file: row.file, line: row.line, code: row.code, message: row.message } });
    else if (rejected <= REJECTED_SHOWN) note(`${row.code}: ${row.file}:${row.line}: ${row.message}`);
    else if (rejected === REJECTED_SHOWN + 1) note('... and more rejected rows. Run with --json to see all of them.');
  };
  let origins: Origin[] = [];
  const bulk = await createBulk({
    nc,
    log,
    codec,
    publisher,
    compareWindow: config.publisher.compare_window,
    refuses: await refuseForgotten(nc),
    formerly: formerIdentities(plan),
    onRejected: (index, problem) => {
      const origin = origins[index] ?? { file: plan.source, line: 0 };
      if (origin.change !== undefined) catalogue?.rejected(origin.change);
      reject({ ...origin, ...problem });
    },
  });
  const reading = createProgress('reading', 'rows', json);
  let publishing: Progress | undefined;
  const remarks: string[] = [];
  let asked = false;
  let published = 0;
  let duplicates = 0;

  /** Publishes events in order; `from` holds the origin of each. */
  async function publish(events: readonly CloudEvent[], from: Origin[]): Promise<void> {
    if (events.length === 0) return;
    publishing ??= createProgress('publishing', 'events', json);
    origins = from;
    const result = await bulk.publish(events);
    published += result.published;
    duplicates += result.duplicates;
    if (result.published === 0 || asked) return;
    asked = true;
    const remark = lastSeq === 0 ? undefined : await remarkOnNewerEvents(nc, events);
    if (remark !== undefined) remarks.push(remark);
  }

  async function publishRows(rows: readonly ImportRow[]): Promise<void> {
    const events: CloudEvent[] = [];
    const from: Origin[] = [];
    const add = (event: CloudEvent, origin: Origin): void => {
      events.push(event);
      from.push(origin);
    };
    for (const row of rows) {
      if (row.kind === 'rejected') {
        reject(row);
        if (catalogueFiles.has(row.file)) rejectedItems++;
      } else if (row.kind === 'repeated') duplicates++;
      else if (!row.ofItem || !catalogue) add(row.event, { file: row.file, line: row.line });
      else {
        const { change, events: changes } = catalogue.changesOf(row);
        if (changes.length === 0) duplicates++;
        // The first event holds the fields. If the publisher rejects it, the import does not count the item as changed.
        changes.forEach(
          (event, i) => void add(event, { file: row.file, line: row.line, ...(i === 0 ? { change } : {}) }),
        );
      }
    }
    await publish(events, from);
    const { yielded, events: total } = plan.progress();
    publishing?.update(yielded, total, catalogue && changesInWords(catalogue.counts));
  }

  const watch = createPoller({
    everyMs: 200,
    run: () => {
      const { phase, rowsRead } = plan.progress();
      if (phase === 'reading') reading.update(rowsRead, plan.rows);
    },
  });
  watch.start();
  try {
    await catalogue?.begin();
    for await (const rows of plan.batches(BATCH)) {
      if (plan.progress().phase !== 'reading') await catalogue?.ready(rejectedItems);
      await publishRows(rows);
    }
    if (catalogue) {
      await catalogue.ready(rejectedItems);
      const withdrawals = catalogue.withdrawals();
      for (let at = 0; at < withdrawals.length; at += BATCH) {
        await catalogue.ready(rejectedItems);
        const events = withdrawals.slice(at, at + BATCH);
        await publish(
          events,
          events.map(() => ({ file: plan.stateSource, line: 0 })),
        );
      }
      remarks.push(...catalogue.remarks());
    }
  } finally {
    await watch.stop();
    reading.end();
    publishing?.end();
    // All events of the sync are acknowledged, or given up, before another one may begin.
    await publisher.close();
    await catalogue?.end();
  }
  const seconds = Math.round(performance.now() - started) / 1000;
  const { rowsRead: read } = plan.progress();
  const counts = catalogue && { catalogue: catalogue.counts };
  return { result: { read, published, duplicates, rejected, seconds, ...counts }, remarks };
}
