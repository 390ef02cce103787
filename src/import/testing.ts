/** Helpers for the tests of this folder: files in a temporary folder, and the events of their import. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openImport } from './plan.ts';
import type { EventRow, ImportOptions, ImportPlan, RejectedRow } from './types.ts';

export interface Folder {
  path: string;
  /** Writes a file and gives its path. */
  write(name: string, content: string | Uint8Array): string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'freshet-import-test-'));
  return {
    path,
    write(name, content) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

export interface Imported {
  plan: ImportPlan;
  events: EventRow['event'][];
  rows: EventRow[];
  rejected: RejectedRow[];
  /** `type subject item` of each event, in order. */
  story: string[];
}

export async function importing(paths: string | string[], options: ImportOptions = {}): Promise<Imported> {
  const plan = await openImport([paths].flat(), options);
  const rows: EventRow[] = [];
  const rejected: RejectedRow[] = [];
  for await (const row of plan.events()) {
    if (row.kind === 'event') rows.push(row);
    else if (row.kind === 'rejected') rejected.push(row);
  }
  const events = rows.map(({ event }) => event);
  const story = events.map(({ type, subject, data }) =>
    [type.split('.')[1], subject, ...('item' in data ? [data.item] : [])].join(' '),
  );
  return { plan, events, rows, rejected, story };
}

/** Rejected rows as `line code`. */
export const reasons = ({ rejected }: Imported): string[] => rejected.map(({ line, code }) => `${line} ${code}`);
