import { setImmediate as turn } from 'node:timers/promises';
import { idProblem } from '../bus/event/ids.ts';
import { type CloudEvent, type InteractionData, parseType } from '../bus/event/types.ts';
import { UsageError } from '../errors.ts';
import { type DetectedFile, detect } from './detect.ts';
import type { Draft, InteractionDraft, Rejection } from './drafts.ts';
import type { IdCheck } from './guess.ts';
import { fingerprintOf, importId, namesOfGroups } from './identity.ts';
import { createOrdinals, earlierFile, type Ordinals } from './ordinals.ts';
import { firstRowsOf } from './preview.ts';
import { createRemarks, type Remarks } from './remarks.ts';
import { createSorter, mergeSorted, type SortRow } from './sort.ts';
import { zoneOf } from './time/zone.ts';
import type { ImportFile, ImportOptions, ImportPlan, ImportProgress, ImportRole, ImportRow } from './types.ts';

const BATCH = 500;

/**
 * Plans the import of files or folders (`.gz` too) from the names and first lines of the files. Reads the files in full
 * when the caller iterates over `events()` or `batches()`.
 *
 * Order: interactions by time, and interactions with equal times as in the files. Rows of items and users mostly have no
 * time. Such an event gets the time one millisecond before the first interaction with the item or user, so that it is
 * known when it is first needed and no earlier: an item that is known from the start could be recommended, and measured,
 * before it existed. Items and users without interactions come just before the first interaction of all. If there are no
 * interactions, these events have no time, and the time of the log applies.
 *
 * Throws ImportFormatError and UsageError.
 */
export async function openImport(paths: readonly string[], options: ImportOptions = {}): Promise<ImportPlan> {
  zoneOf(options.timezone);
  const { format, files } = await detect(paths, options);
  const read = files.filter(({ reading }) => reading.role !== 'ignored');
  const fileNames = read.map(({ file }) => file.name);
  const name = format.nameOf(fileNames);
  const sources = sourcesOf(options.source, name);
  const importFiles = files.map(describe);
  const bytesTotal = read.reduce((sum, { file }) => sum + file.bytes, 0);
  let progress = idle(bytesTotal);
  let remarks = createRemarks();
  let items = new Map<string, number>();

  async function* batches(size = BATCH, only?: ImportRole): AsyncGenerator<ImportRow[], void, undefined> {
    progress = idle(bytesTotal);
    remarks = createRemarks();
    items = new Map();
    const chosen = only === undefined ? read : read.filter(({ reading }) => reading.role === only);
    yield* run(chosen, sources, options, size, progress, remarks, items);
  }

  return {
    format: format.name,
    name,
    source: sources.acts,
    stateSource: sources.state,
    formerSources:
      options.source === undefined ? namesOfGroups(fileNames, format.nameOf).map((one) => `import-${one}`) : [],
    files: importFiles,
    bytes: bytesTotal,
    rows: importFiles.reduce((sum, { rows }) => sum + rows, 0),
    fingerprint: fingerprintOf(
      JSON.stringify([
        format.name,
        sources,
        options.personal ?? false,
        options.map ?? null,
        options.timeUnit ?? null,
        options.timezone ?? null,
        options.inFileOrder ?? false,
        read.map(({ file, reading }) => [file.name, reading.role, file.bytes, file.changed, file.head]),
      ]),
    ),
    progress: () => ({ ...progress }),
    preview: async () => {
      const rows = new Map<string, string[]>();
      for (const { file, reading } of read) rows.set(file.path, await firstRowsOf(reading, options.signal));
      return rows;
    },
    describes: (item) => items.has(item),
    remarks: () => remarks.texts(),
    batches,
    async *events() {
      for await (const rows of batches()) yield* rows;
    },
  };
}

/** The source of interactions, and that of rows of items and users. */
interface Sources {
  acts: string;
  state: string;
}

function sourcesOf(named: string | undefined, name: string): Sources {
  if (named === undefined) return { acts: 'import', state: `import-${name}` };
  const problem = idProblem(named);
  if (problem === undefined) return { acts: named, state: named };
  throw new UsageError(`The source ${JSON.stringify(named)} of the events ${problem}.`, {
    next: 'name a short one: --source import-shop',
  });
}

function describe({ file, reading }: DetectedFile): ImportFile {
  const { path, name, bytes, compressed, lines } = file;
  const { role, note, headerLines, said = [] } = reading;
  const rows = role === 'ignored' ? 0 : Math.max(0, lines - headerLines);
  return { path, name, role, bytes, compressed, rows, note, said };
}

const idle = (bytesTotal: number): ImportProgress => ({
  phase: 'idle',
  bytesRead: 0,
  bytesTotal,
  rowsRead: 0,
  rejected: 0,
  events: 0,
  yielded: 0,
});

/** Before and after all times, for events without a time. */
const FIRST = Number.NEGATIVE_INFINITY;
const LAST = Number.POSITIVE_INFINITY;

async function* run(
  files: readonly DetectedFile[],
  sources: Sources,
  options: ImportOptions,
  size: number,
  progress: ImportProgress,
  remarks: Remarks,
  /** Gets the number of rows of each item that this run has read and not yet yielded. */
  rowsOfItem: Map<string, number>,
): AsyncGenerator<ImportRow[], void, undefined> {
  const { signal } = options;
  const limits = { maxRows: options.maxRowsInMemory, tempFolder: options.tempFolder };
  const catalogue = createSorter(limits);
  const acts = createSorter(limits);
  const firstUse = createFirstUse(files);
  const paths = files.map(({ file }) => file.path);
  const names = files.map(({ file }) => file.name);

  /** Whether no later row describes the item. */
  const isLast = (item: string): boolean => {
    const left = (rowsOfItem.get(item) as number) - 1;
    rowsOfItem.set(item, left);
    return left === 0;
  };

  const add = (draft: Exclude<Draft, Rejection>, file: number, idCheck: IdCheck | undefined): void => {
    const { line } = draft;
    if (draft.kind === 'interaction') {
      firstUse.note(draft.user, draft.item, draft.time);
      acts.add(draft.time, file, line, interactionPayload(draft));
    } else if (draft.kind === 'event') {
      acts.add(draft.time ?? LAST, file, line, draft.json);
    } else if (draft.kind === 'item') {
      const time = draft.time ?? firstUse.ofItem(draft.item);
      const payload = `${OF_ITEM}${JSON.stringify([draft.item, draft.data]).slice(1)}`;
      idCheck?.add(draft.item, payload);
      if (draft.remark !== undefined) remarks.on(names[file] as string)(draft.remark, line);
      rowsOfItem.set(draft.item, (rowsOfItem.get(draft.item) ?? 0) + 1);
      catalogue.add(time, file, line, payload);
    } else {
      const time = draft.time ?? firstUse.ofUser(draft.user);
      const payload = JSON.stringify(['user.registered.v1', draft.user, { traits: draft.traits }]);
      idCheck?.add(draft.user, payload);
      catalogue.add(time, file, line, payload);
    }
  };

  try {
    progress.phase = 'reading';
    for (const [index, { reading }] of inReadingOrder(files)) {
      const onBytes = (bytes: number) => {
        progress.bytesRead += bytes;
      };
      const idCheck = reading.idCheck?.();
      for await (const drafts of reading.drafts({ onBytes, signal, onRemark: remarks.on(names[index] as string) })) {
        const rejected: ImportRow[] = [];
        for (const draft of drafts) {
          if (draft.kind === 'rejected') rejected.push({ ...draft, file: paths[index] as string });
          else add(draft, index, idCheck);
        }
        progress.rowsRead += drafts.length;
        progress.rejected += rejected.length;
        progress.events = catalogue.rows() + acts.rows();
        if (rejected.length > 0) yield rejected;
      }
      idCheck?.end();
    }

    progress.phase = 'events';
    const histories = files.filter(({ reading }) => reading.role === 'interactions').length;
    const toEvent = createEventFactory(sources, createOrdinals(histories));
    let batch: ImportRow[] = [];
    for (const row of mergeSorted<SortRow>([catalogue.sorted(), acts.sorted()])) {
      const { file, line } = row;
      const event = toEvent(row);
      const place = { file: paths[file] as string, line };
      const repeats = (what: string): void => {
        remarks.on(names[file] as string)(what, line);
        batch.push({ kind: 'repeated', ...place });
      };
      if (typeof event === 'number') repeats(`the row is in ${names[event]} too and counts once`);
      else if (!isOfItem(row)) batch.push({ kind: 'event', event, ...place });
      else if (isLast(event.subject)) batch.push({ kind: 'event', event, ...place, ofItem: true });
      else repeats('a later row describes the same item, and counts instead');
      if (batch.length < size) continue;
      progress.yielded += batch.length;
      yield batch;
      batch = [];
      // Lets timers and sockets run even if the caller never waits.
      await turn();
      signal?.throwIfAborted();
    }
    progress.yielded += batch.length;
    if (batch.length > 0) yield batch;
    progress.phase = 'done';
  } finally {
    catalogue.close();
    acts.close();
  }
}

/** Interactions come first, because events of items and users need the time of their first interaction. */
function inReadingOrder(files: readonly DetectedFile[]): [number, DetectedFile][] {
  const rank = { interactions: 0, events: 0, items: 1, users: 2, ignored: 3 };
  return [...files.entries()].sort(([i, a], [j, b]) => rank[a.reading.role] - rank[b.reading.role] || i - j);
}

function createFirstUse(files: readonly DetectedFile[]) {
  const has = (role: string) => files.some(({ reading }) => reading.role === role);
  const ofItems = has('items') ? new Map<string, number>() : undefined;
  const ofUsers = has('users') ? new Map<string, number>() : undefined;
  let earliest = LAST;

  const note = (times: Map<string, number> | undefined, id: string, time: number): void => {
    if (!times) return;
    const known = times.get(id);
    if (known === undefined || time < known) times.set(id, time);
  };
  const before = (times: Map<string, number> | undefined, id: string): number => {
    const time = times?.get(id) ?? earliest;
    return time === LAST ? FIRST : time - 1;
  };
  return {
    note(user: string, item: string, time: number): void {
      if (time < earliest) earliest = time;
      note(ofItems, item, time);
      note(ofUsers, user, time);
    },
    ofItem: (item: string) => before(ofItems, item),
    ofUser: (user: string) => before(ofUsers, user),
  };
}

// A payload carries a row through the sort, and its id depends on it: type, subject and data in one text, always in the
// same order. Payloads of interactions separate their parts by a character that no id can hold, which takes half the time
// of JSON. Payloads of items and users are JSON arrays. Payloads of events are the JSON objects of the file.

const BETWEEN = '\u001f';

const OF_ITEM = '["content.published.v1",';
const isOfItem = ({ payload }: SortRow): boolean => payload.startsWith(OF_ITEM);

function interactionPayload({ type, user, item, value, list, context }: InteractionDraft): string {
  const short = `${type}${BETWEEN}${user}${BETWEEN}${item}${BETWEEN}${value ?? ''}`;
  if (list === undefined && context === undefined) return short;
  return `${short}${BETWEEN}${list ?? ''}${BETWEEN}${context === undefined ? '' : JSON.stringify(context)}`;
}

function interactionOf(payload: string): [type: string, user: string, data: InteractionData] {
  const parts = payload.split(BETWEEN);
  const value = parts[3] as string;
  const data: InteractionData = { item: parts[2] as string };
  if (value !== '') data.value = Number(value);
  if (parts[4]) data.list = parts[4];
  if (parts[5]) data.context = JSON.parse(parts[5]);
  return [parts[0] as string, parts[1] as string, data];
}

/** Turns rows into events, and rows of interactions that an earlier file holds as well into the index of that file. */
function createEventFactory(sources: Sources, ordinalOf: Ordinals): (row: SortRow) => CloudEvent | number {
  const verbs = new Map<string, string>();
  const verbOf = (type: string): string => {
    let verb = verbs.get(type);
    if (verb === undefined) {
      verb = parseType(type)?.verb ?? 'event';
      verbs.set(type, verb);
    }
    return verb;
  };
  return ({ time, payload, file }) => {
    if (payload.startsWith('{')) return JSON.parse(payload) as CloudEvent;
    const state = payload.startsWith('[');
    const [type, subject, data] = state ? (JSON.parse(payload) as [string, string, object]) : interactionOf(payload);
    // Two equal rows of an item or user are one event. Two equal interactions of a file are two events.
    const ordinal = state ? 0 : ordinalOf(time, payload, file);
    const earlier = earlierFile(ordinal);
    if (earlier !== undefined) return earlier;
    const id = importId(verbOf(type), time, payload, ordinal);
    const event = {
      specversion: '1.0',
      id,
      source: state ? sources.state : sources.acts,
      type,
      subject,
      time: '',
      datacontenttype: 'application/json',
      data,
    };
    if (Number.isFinite(time)) event.time = new Date(time).toISOString();
    else delete (event as { time?: string }).time;
    return event as CloudEvent;
  };
}
