/** RecBole atomic files, and all other formats of an import: the events that the import would publish. */
import type { EventCodec } from '../../../src/bus/event/codec.ts';
import { openImport } from '../../../src/import/mod.ts';
import { createDataSetBuilder, type DataSet } from './data-set.ts';

export async function readImported(
  paths: readonly string[],
  codec: EventCodec,
  say: (line: string) => void,
): Promise<DataSet> {
  const plan = await openImport(paths);
  const builder = createDataSetBuilder(codec);
  for await (const row of plan.events()) if (row.kind === 'event') builder.add(row.event);
  const { rejected } = plan.progress();
  if (rejected > 0) say(`${rejected} rows are no events and left out, as by an import`);
  return builder.build({ name: plan.name, held: 1 });
}
