/**
 * The index of texts: which words the title, the tags and the attributes of each item have. It follows from the rows of
 * `item`, and the fold writes it in their transaction, so a search and a read by id agree. It holds words and no text
 * (decision 0044).
 */
import type { Database } from 'better-sqlite3';
import type { ItemData } from '../../bus/event/types.ts';

/**
 * `prefix`: prefixes of these lengths are as fast as words. The tokenizer folds case and diacritics: `Émile` is `emile`.
 * A row has the `published_seq` of its item, by which `item_published` finds the item. `automerge`: FTS5 merges 16 parts at
 * once instead of 4; 100,000 items took 1.1 s of processor time instead of 1.7 s, and searches no longer than before.
 */
export const TEXT_INDEX_SCHEMA = `
CREATE VIRTUAL TABLE IF NOT EXISTS index_text USING fts5 (
  title, tags, attributes, content = '', prefix = '1 2 3', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO index_text (index_text, rank) SELECT 'automerge', 16
  WHERE NOT EXISTS (SELECT 1 FROM index_text_config WHERE k = 'automerge');
CREATE INDEX IF NOT EXISTS item_published ON item (published_seq);`;

export interface TextIndex {
  /**
   * Replaces the words of an item.
   *
   * @param row `published_seq` of the item
   * @param before its fields until now; undefined for a new item
   */
  replace(row: number, before: ItemData | undefined, now: ItemData): void;
}

/** Between two values, so that no word goes from one into the next. */
const BETWEEN = '\n';

/** Texts of title, tags and attributes. The fold removes the words of old texts by it: a change is a change of the fold. */
export function textsOf({ title, tags = [], attributes = {} }: ItemData): [title: string, tags: string, rest: string] {
  // A flag says nothing without its name, and nobody searches for "true".
  const values = Object.values(attributes).filter((value) => typeof value !== 'boolean');
  return [title, tags.join(BETWEEN), values.flat().join(BETWEEN)];
}

/** @param db a database with {@link TEXT_INDEX_SCHEMA} */
export function prepareTextIndex(db: Database): TextIndex {
  // Rows of another fold version, which a service keeps during a rebuild, may have items that the index does not have.
  const isThere = db.prepare<[number]>('SELECT 1 FROM index_text_docsize WHERE id = ?').pluck();
  const add = db.prepare('INSERT INTO index_text (rowid, title, tags, attributes) VALUES (?, ?, ?, ?)');
  const remove = db.prepare(
    `INSERT INTO index_text (index_text, rowid, title, tags, attributes) VALUES ('delete', ?, ?, ?, ?)`,
  );
  return {
    replace: (row, before, now) => {
      const texts = textsOf(now);
      if (before !== undefined && isThere.get(row) !== undefined) {
        const old = textsOf(before);
        if (old.every((text, i) => text === texts[i])) return;
        remove.run(row, ...old);
      }
      add.run(row, ...texts);
    },
  };
}
