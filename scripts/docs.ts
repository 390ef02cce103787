/** `npm run docs`: generates pages, dashboards and rules from the code, so that they never disagree with it. */
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
import { dashboardFiles } from './monitoring/dashboards.ts';
import { RULES_FILE, RULES_TEST_FILE, rulesFile, rulesTestFile } from './monitoring/rules.ts';
import { RUNBOOK_FOLDER, runbookPages } from './monitoring/runbooks.ts';
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
    ...runbookPages(),
    ...dashboardFiles(),
    [RULES_FILE, rulesFile()],
    [RULES_TEST_FILE, rulesTestFile()],
    ...[...exampleFiles()].map(([name, text]) => [`deploy/nats/${name}`, text] as const),
  ]);
}

async function write(): Promise<void> {
  const files = await generateDocs();
  for (const generated of [SCHEMA_FOLDER, RUNBOOK_FOLDER]) {
    const folder = join(ROOT, generated);
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder))
      if (!files.has(`${generated}/${name}`)) rmSync(join(folder, name), { force: true });
  }
  for (const [path, text] of files) writeFileSync(join(ROOT, path), text);
  process.stderr.write(`${files.size} files written under docs and deploy\n`);
}

if (isMain(import.meta.url)) await write();
