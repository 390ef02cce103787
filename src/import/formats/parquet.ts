import { mapFor } from '../columns.ts';
import { nameOfData } from '../identity.ts';
import { parquetRows } from '../parquet.ts';
import { type Format, ignored } from './format.ts';
import { tableOfObjects } from './objects.ts';

/** Parquet: rows are objects, as in JSON lines, by a map of columns or by their usual names. A dot leads into a structure. */
export const parquet: Format = {
  name: 'parquet',
  open(file, options) {
    if (file.parquet === undefined) return undefined;
    const own = mapFor(options.map, file.name);
    if (options.map && !own) return ignored('the map does not name it');
    const { draftOf, columns, ...reading } = tableOfObjects(file.path, file.parquet.objects, own, options);
    return {
      ...reading,
      async *drafts({ onBytes, signal }) {
        for await (const { first, objects, share } of parquetRows(file.path, { columns, signal })) {
          onBytes?.(Math.round(share * file.bytes));
          yield objects.map((object, n) => draftOf(object, first + n));
        }
      },
    };
  },
  nameOf: (names) => nameOfData(names, 'parquet'),
};
