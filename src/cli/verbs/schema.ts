import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { refusals, type SchemaChange } from '../../bus/event/compatible.ts';
import { eventSchemas, type JsonSchema } from '../../bus/event/json-schema.ts';
import { UPCASTERS } from '../../bus/event/upcast.ts';
import { SchemaIncompatibleError } from '../../errors.ts';
import { note, print, printJson } from '../output.ts';

/** Schemas as they were when they were published; a file that is here changes only to one that takes more. */
const PUBLISHED = fileURLToPath(new URL('../../../test/golden/schemas/', import.meta.url));

interface CheckOptions {
  published?: string;
  accept?: boolean;
  json?: boolean;
}

interface Checked {
  compatible: boolean;
  /** Types that were never published. */
  unpublished: string[];
  refusals: (SchemaChange & { type: string })[];
}

/** `freshet schema` */
export const schemaVerb = (): Command =>
  new Command('schema').description('schemas of events against those that were published').addCommand(
    new Command('check')
      .description('refuses a schema that no longer takes what its published form took; exit code 1')
      .option('--published <dir>', 'folder of the published schemas (default: those that come with the clone)')
      .option('--accept', 'publish what is new or takes more: writes it to that folder')
      .option('--json', 'write JSON, for machines')
      .action((options: CheckOptions) => {
        const folder = options.published ?? PUBLISHED;
        const checked = check(folder);
        if (options.json) printJson(checked);
        for (const { type, path, what } of checked.refusals) note(`${type}: ${path} ${what}`);
        if (!checked.compatible)
          throw new SchemaIncompatibleError(
            `${checked.refusals.length} changes of published schemas refuse events that are in logs already.`,
            { next: 'make it a new version of the type, with an upcaster for the old one (src/bus/event/upcast.ts)' },
          );
        if (options.accept) accept(folder);
        else if (checked.unpublished.length > 0)
          note(`not published yet: ${checked.unpublished.join(', ')}. Next: freshet schema check --accept`);
        if (!options.json) print('Every published schema takes what it took.');
      }),
  );

/** Compares the schemas of this program with the published ones. */
export function check(folder: string): Checked {
  const schemas = eventSchemas();
  const found: Checked['refusals'] = [];
  const published = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  for (const name of published) {
    const type = name.replace(/\.json$/, '');
    const now = schemas.get(type);
    const before = JSON.parse(readFileSync(join(folder, name), 'utf8')) as JsonSchema;
    if (now) found.push(...refusals(before, now).map((change) => ({ type, ...change })));
    else if (!UPCASTERS.has(type)) found.push({ type, path: 'event', what: 'is gone, and nothing reads it any more' });
  }
  const unpublished = [...schemas.keys()].filter((type) => !published.includes(`${type}.json`));
  return { compatible: found.length === 0, unpublished, refusals: found };
}

function accept(folder: string): void {
  for (const [type, schema] of eventSchemas())
    writeFileSync(join(folder, `${type}.json`), `${JSON.stringify(schema, undefined, 2)}\n`);
}
