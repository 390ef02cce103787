/** The endpoint by which an import compares a catalogue: for each item a few values instead of its fields. */
import type { Database } from 'better-sqlite3';
import { contentHash, type ItemVersion, type VersionsAnswer } from '../bus/event/item-version.ts';
import type { ItemData } from '../bus/event/types.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { contentRequests } from './requests.ts';

interface VersionRow {
  item: string;
  fields: string;
  seq: number;
  source: string;
  withdrawn_by: string | null;
}

export function versionsEndpoint(db: Database, config: Config): Endpoint {
  const after = db.prepare<[string], VersionRow>(
    `SELECT item.item, fields, changed_seq AS seq, item.source, withdrawal.source AS withdrawn_by
     FROM item LEFT JOIN withdrawal ON withdrawal.item = item.item WHERE item.item > ? ORDER BY item.item`,
  );
  return defineEndpoint({
    description:
      'For each item, page by page: the sequence of its last change, a hash of its fields, and the sources of its last publication and withdrawal',
    example: { n: 100 },
    request: contentRequests(config).versions,
    handle: ({ n = config.content.list_default, cursor = '' }): VersionsAnswer => {
      const versions: ItemVersion[] = [];
      let bytes = 0;
      // A page with large fields takes as long to hash as one with many small ones.
      for (const { item, fields, seq, source, withdrawn_by } of after.iterate(cursor)) {
        bytes += Buffer.byteLength(fields);
        const last = versions.at(-1);
        if (last && (versions.length >= n || bytes > config.content.page_bytes)) return { versions, next: last.item };
        const hash = contentHash(JSON.parse(fields) as ItemData);
        versions.push({ item, seq, hash, source, ...(withdrawn_by === null ? {} : { withdrawn_by }) });
      }
      return { versions, next: null };
    },
  });
}
