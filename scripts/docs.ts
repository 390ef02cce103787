/** `npm run docs`: generates the reference pages from the code, so that the two never disagree. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleFiles } from '../src/secure/example.ts';
import { asyncApiFile } from './docs/asyncapi.ts';
import { cliPage } from './docs/cli.ts';
import { configurationPage } from './docs/configuration.ts';
import { errorsPage } from './docs/errors.ts';
import { eventsPage } from './docs/events.ts';
import { identitiesPage } from './docs/identities.ts';
import { importsPage } from './docs/imports.ts';
import { metricsPage } from './docs/metrics.ts';
import { SCHEMA_FOLDER, schemaFiles } from './docs/schemas.ts';
import { streamsPage } from './docs/streams.ts';
import { isMain, ROOT } from './setup.mjs';

/** The text of every generated file, by its path in the repository. */
export async function generateDocs(): Promise<Map<string, string>> {
  return new Map([
    ...schemaFiles(),
    ['docs/reference/asyncapi.json', asyncApiFile()],
    ['docs/reference/events.md', eventsPage()],
    ['docs/reference/configuration.md', configurationPage()],
    ['docs/reference/errors.md', errorsPage()],
    ['docs/reference/streams.md', streamsPage()],
    ['docs/reference/metrics.md', metricsPage()],
    ['docs/reference/cli.md', await cliPage()],
    ['docs/reference/identities.md', identitiesPage()],
    ['docs/reference/imports.md', importsPage()],
    ...[...exampleFiles()].map(([name, text]) => [`deploy/nats/${name}`, text] as const),
  ]);
}

async function write(): Promise<void> {
  const files = await generateDocs();
  const folder = join(ROOT, SCHEMA_FOLDER);
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder))
    if (!files.has(`${SCHEMA_FOLDER}/${name}`)) rmSync(join(folder, name), { force: true });
  for (const [path, text] of files) writeFileSync(join(ROOT, path), text);
  process.stderr.write(`${files.size} files written under docs/reference and deploy/nats\n`);
}

if (isMain(import.meta.url)) await write();
