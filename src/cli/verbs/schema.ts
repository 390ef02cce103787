import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { refusals, type SchemaChange } from '../../bus/event/compatible.ts';
import { eventSchemas, type JsonSchema } from '../../bus/event/json-schema.ts';
import { UPCASTERS } from '../../bus/event/upcast.ts';
import { SchemaIncompatibleError } from '../../errors.ts';
import { note, print, printJson } from '../output.ts';

/** The published schemas. A file here may change only to a schema that accepts more. */
const PUBLISHED = fileURLToPath(new URL('../../../test/golden/schemas/', import.meta.url));

interface CheckOptions {
  published?: string;
  accept?: boolean;
  json?: boolean;
}

interface Checked {
  compatible: boolean;
  /** Types without a published schema. */
  unpublished: string[];
  refusals: (SchemaChange & { type: string })[];
}

/** `freshet schema` */
export const schemaVerb = (): Command =>
  new Command('schema').description('compare the event schemas with the published ones').addCommand(
    new Command('check')
      .description(
        'check that each schema still accepts all events that its published version accepts; exit code 1 if not',
      )
      .option('--published <dir>', 'folder of the published schemas (default: the one in the clone)')
      .option('--accept', 'write the new and extended schemas to that folder')
      .option('--json', 'print JSON, for programs')
      .action((options: CheckOptions) => {
        const folder = options.published ?? PUBLISHED;
        const checked = check(folder);
        if (options.json) printJson(checked);
        for (const { type, path, what } of checked.refusals) note(`${type}: ${path} ${what}`);
        if (!checked.compatible)
          throw new SchemaIncompatibleError(
            `${checked.refusals.length} ${checked.refusals.length === 1 ? 'change' : 'changes'} of published schemas would reject events that logs already hold.`,
            { next: 'make a new version of the type, with an upcaster for the old one (src/bus/event/upcast.ts)' },
          );
        if (options.accept) accept(folder);
        else if (checked.unpublished.length > 0)
          note(`No published schema yet: ${checked.unpublished.join(', ')}. Next: freshet schema check --accept`);
        if (!options.json) print('Every schema accepts what its published version accepts.');
      }),
  );

/** Compares the schemas of this release with the published ones. */
export function check(folder: string): Checked {
  const schemas = eventSchemas();
  const found: Checked['refusals'] = [];
  const published = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  for (const name of published) {
    const type = name.replace(/\.json$/, '');
    const now = schemas.get(type);
    const before = JSON.parse(readFileSync(join(folder, name), 'utf8')) as JsonSchema;
    if (now) found.push(...refusals(before, now).map((change) => ({ type, ...change })));
    else if (!UPCASTERS.has(type)) found.push({ type, path: 'event', what: 'is removed, and has no upcaster' });
  }
  const unpublished = [...schemas.keys()].filter((type) => !published.includes(`${type}.json`));
  return { compatible: found.length === 0, unpublished, refusals: found };
}

function accept(folder: string): void {
  for (const [type, schema] of eventSchemas())
    writeFileSync(join(folder, `${type}.json`), `${JSON.stringify(schema, undefined, 2)}\n`);
}
