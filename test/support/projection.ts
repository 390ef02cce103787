/** `given(events).when(event).then(rows)` for a projection, on a real SQLite file. */
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { expect } from 'vitest';
import type { ProjectionDefinition } from '../../src/bus/projection/definition.ts';
import { openStore, type ProjectionStore } from '../../src/bus/projection/store.ts';
import { codec, stored, type TestEvent } from './events.ts';
import { tempDir } from './tempdir.ts';

export type Row = Record<string, unknown>;
/** Rows by table, in order of the table's key. The comparison ignores members that a row leaves out. */
export type Rows = Record<string, Row[]>;

export interface Given {
  when(...events: TestEvent[]): When;
}

export interface When {
  /** The named tables hold exactly these rows. */
  then(rows: Rows): Folded;
}

export interface Folded {
  store: ProjectionStore;
  db: Database;
}

/** Folds events from sequence 1 on into a new file, which the test removes at its end. */
export function fold<Tables>(definition: ProjectionDefinition<Tables>, events: readonly TestEvent[]): Folded {
  const store = openStore({ file: join(tempDir('projection'), 'p.sqlite'), definition, codec, cacheKib: 1_024 });
  // Each event in a transaction of its own: another test proves that batching does not matter.
  for (const message of stored(events)) store.commit([message], 'now');
  return { store, db: store.db };
}

export const rowsOf = (db: Database, table: string): Row[] => db.prepare<[], Row>(`SELECT * FROM ${table}`).all();

/** `given` for one projection: `const given = specify(() => userProjection(config))`. */
export const specify =
  <Tables>(definition: () => ProjectionDefinition<Tables>) =>
  (...history: TestEvent[]): Given => ({
    when: (...events) => ({
      // biome-ignore lint/suspicious/noThenProperty: the house style's word; no code awaits it
      then: (rows) => {
        const folded = fold(definition(), [...history, ...events]);
        for (const [table, wanted] of Object.entries(rows)) {
          const found = rowsOf(folded.db, table);
          expect(found, table).toHaveLength(wanted.length);
          expect(found, table).toMatchObject(wanted);
        }
        return folded;
      },
    }),
  });
