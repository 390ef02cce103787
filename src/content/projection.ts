/** The projection of the catalogue: what each event about an item writes. */
import type { Database, Statement } from 'better-sqlite3';
import type { LoggedEvent } from '../bus/event/codec.ts';
import { patchItem } from '../bus/event/patch.ts';
import type { ItemData } from '../bus/event/types.ts';
import type { ProjectionDefinition } from '../bus/projection/definition.ts';
import { prepareTextIndex, TEXT_INDEX_SCHEMA, type TextIndex } from './search/index-rows.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS item (
  item TEXT PRIMARY KEY, fields TEXT NOT NULL, published_seq INTEGER NOT NULL, changed_seq INTEGER NOT NULL,
  source TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawal (
  item TEXT PRIMARY KEY, seq INTEGER NOT NULL, source TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag (tag TEXT NOT NULL, item TEXT NOT NULL, PRIMARY KEY (tag, item)) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tag_item ON tag (item);
${TEXT_INDEX_SCHEMA}`;

interface ItemRow {
  fields: string;
  source: string;
  published_seq: number;
}

export interface ContentTables {
  get: Statement<[string], ItemRow>;
  put: Statement;
  withdraw: Statement;
  restore: Statement;
  /** Notes that the availability of an item has changed. */
  touch: Statement;
  dropTags: Statement;
  addTag: Statement;
  texts: TextIndex;
}

export function contentProjection(): ProjectionDefinition<ContentTables> {
  return { service: 'content', code: 2, inputs: {}, schema: SCHEMA, tables: prepareTables, apply: applyContentEvent };
}

function prepareTables(db: Database): ContentTables {
  return {
    get: db.prepare('SELECT fields, source, published_seq FROM item WHERE item = ?'),
    put: db.prepare(
      `INSERT INTO item VALUES (@item, @fields, @seq, @seq, @source)
       ON CONFLICT (item) DO UPDATE SET fields = @fields, changed_seq = @seq, source = @source`,
    ),
    // The newest source: an item that somebody withdraws once more is no longer that of the first to withdraw it.
    withdraw: db.prepare(
      'INSERT INTO withdrawal VALUES (?, ?, ?) ON CONFLICT (item) DO UPDATE SET source = excluded.source',
    ),
    restore: db.prepare('DELETE FROM withdrawal WHERE item = ?'),
    touch: db.prepare('UPDATE item SET changed_seq = ? WHERE item = ?'),
    dropTags: db.prepare('DELETE FROM tag WHERE item = ?'),
    addTag: db.prepare('INSERT OR IGNORE INTO tag VALUES (?, ?)'),
    texts: prepareTextIndex(db),
  };
}

function applyContentEvent(event: LoggedEvent, tables: ContentTables): void {
  switch (event.type) {
    case 'content.published.v1':
      put(event.subject, event.data, event, tables.get.get(event.subject), tables);
      return;
    case 'content.updated.v1': {
      const row = tables.get.get(event.subject);
      // An update of an item that was never published has no effect, here and in the engine.
      if (row) {
        const data = patchItem(JSON.parse(row.fields) as ItemData, event.data);
        put(event.subject, data, { seq: event.seq, source: row.source }, row, tables);
      }
      return;
    }
    case 'content.withdrawn.v1':
      // It also applies to an item that is published later: the item stays withdrawn until it is restored.
      tables.withdraw.run(event.subject, event.seq, event.source);
      tables.touch.run(event.seq, event.subject);
      return;
    case 'content.restored.v1':
      tables.restore.run(event.subject);
      tables.touch.run(event.seq, event.subject);
      return;
    default:
  }
}

/**
 * Publishing an item again replaces all its fields. It does not restore a withdrawn item.
 *
 * @param of the position of the change, and the source of the item's last publication
 * @param before the item's row; undefined: it has none
 */
function put(
  item: string,
  fields: ItemData,
  of: { seq: number; source: string },
  before: ItemRow | undefined,
  tables: ContentTables,
): void {
  tables.put.run({ item, fields: JSON.stringify(fields), seq: of.seq, source: of.source });
  tables.texts.replace(before?.published_seq ?? of.seq, before && (JSON.parse(before.fields) as ItemData), fields);
  tables.dropTags.run(item);
  for (const tag of fields.tags ?? []) tables.addTag.run(tag, item);
}
