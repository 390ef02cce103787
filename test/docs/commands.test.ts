/**
 * Every command of the documentation, run as it stands there. Addresses of a default system are replaced by those of
 * one that runs; `npx freshet` is the clone's own; each page has a folder of its own, in which its blocks follow each
 * other.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type NatsConnection, RequestStrategy } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedEndpoints } from '../../scripts/docs/endpoints.ts';
import { documentedMetrics } from '../../scripts/docs/metrics.ts';
import { onPath } from '../../scripts/setup/process.mjs';
import { ROOT } from '../../scripts/setup.mjs';
import type { DocumentedEndpoint } from '../../src/bus/event/asyncapi.ts';
import { connect } from '../../src/bus/nats/connection.ts';
import { SERVICES } from '../../src/bus/projection/definition.ts';
import { DATA_FOLDER } from '../../src/up/runtime-file.ts';
import { makeTempDir, removeTempDir } from '../support/tempdir.ts';
import { until } from '../support/wait.ts';
import { type Block, blocksOf, pages } from './blocks.ts';
import { findNatsCli } from './nats-cli.ts';
import { type DocsSystem, ENTRY, startDocsSystem } from './system.ts';

/** Milliseconds after which a block counts as hanging. */
const BLOCK_MS = 480_000;
/** Milliseconds within which a block that is run until it shows something does so. */
const SHOWS_MS = 30_000;

const all = pages().flatMap(blocksOf);
const run = all.filter((block) => block.run === 'demo' || block.run === 'nats');
const folder = makeTempDir('docs-pages');
const tool = run.some((block) => block.run === 'nats') ? await findNatsCli() : { missing: 'nothing needs it' };
const curl = onPath('curl', process.env);

/** Ends as soon as each service has answered. */
const ANSWER_MS = 60_000;
const EACH_SERVICE = { strategy: RequestStrategy.Count, maxMessages: SERVICES.length, maxWait: 5_000 };

let system: DocsSystem;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // npx takes a second to find what stands beside it.
  for (const [name, shift] of [
    ['npx', 'shift; '],
    ['freshet', ''],
  ] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${shift}exec "${process.execPath}" "${ENTRY}" "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  system = await startDocsSystem();
  const path = [bin, ...('folder' in tool ? [tool.folder] : []), process.env.PATH ?? ''].join(delimiter);
  // A reader has set nothing, so settings and contexts of the person who runs the tests stay out of it.
  const nothingSet = Object.entries(process.env).filter(([name]) => !/^(FRESHET_|NATS_(URL|CONTEXT))/.test(name));
  environment = { ...Object.fromEntries(nothingSet), PATH: path, XDG_CONFIG_HOME: join(folder, 'config') };
});

afterAll(async () => {
  expect(await system?.stop()).toBe(0);
  removeTempDir(folder);
});

const shellOf = (page: string): string => join(folder, page.replaceAll(/[^a-z0-9-]/gi, '-'));

function scriptOf({ script }: Block): string {
  return script.replaceAll('http://127.0.0.1:8080', system.http).replaceAll('nats://127.0.0.1:4222', system.nats);
}

interface Outcome {
  code: number | null;
  output: string;
}

function execute(block: Block): Promise<Outcome> {
  const cwd = shellOf(block.file);
  // A reader runs the commands in the folder in which the system keeps its data.
  if (mkdirSync(cwd, { recursive: true }) !== undefined) symlinkSync(system.data, join(cwd, DATA_FOLDER));
  return new Promise((resolve, reject) => {
    // A group of its own, so that an interruption reaches what the shell started.
    // The nats tool does not know the folder, and the system does not have the port that is its default.
    const env = block.run === 'nats' ? { ...environment, NATS_URL: system.nats } : environment;
    const child = spawn('sh', ['-eu', '-c', scriptOf(block)], { cwd, env, detached: true });
    let output = '';
    let interrupted = false;
    const interrupt = (signal: NodeJS.Signals): void => {
      interrupted = true;
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
    };
    const limit = setTimeout(() => interrupt('SIGKILL'), BLOCK_MS);
    const heard = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
      if (block.endless && !interrupted && block.shows !== undefined && output.includes(block.shows))
        interrupt('SIGINT');
    };
    child.stdout.on('data', heard);
    child.stderr.on('data', heard);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve({ code: block.endless && interrupted ? 0 : code, output });
    });
  });
}

it('the processes export exactly the metrics of the reference', async () => {
  const { processes } = JSON.parse(readFileSync(join(system.data, 'up.json'), 'utf8')) as {
    processes: Record<string, { health?: string }>;
  };
  const { services, user, engine, gateway } = documentedMetrics();
  for (const [name, listed] of Object.entries({
    user: [...services, ...user],
    content: services,
    engine: [...services, ...engine],
    gateway,
  })) {
    const text = await (await fetch(`${processes[name]?.health}/metrics`)).text();
    const exported = [...text.matchAll(/^# TYPE (freshet_\S+) (\w+)$/gm)].map(
      ([, metric, type]) => `${metric} ${type}`,
    );
    expect(exported.sort(), name).toEqual(listed.map((metric) => `${metric.name} ${metric.type}`).sort());
  }
});

/** Endpoints of all services that answer in time. */
async function endpointsOf(nc: NatsConnection): Promise<{ services: number; endpoints: DocumentedEndpoint[] }> {
  const found: DocumentedEndpoint[] = [];
  let services = 0;
  for await (const { name, metadata: of, endpoints } of await nc.services.client(EACH_SERVICE).info()) {
    if (!name.startsWith('freshet-')) continue;
    services++;
    // Some also answer on a subject of this instance, which is named after the one that the reference lists.
    const ofInstance = new Set(endpoints.map(({ subject }) => `${subject}.${of?.instance}`));
    for (const { subject, metadata = {} } of endpoints)
      if (!ofInstance.has(subject))
        found.push({
          subject,
          description: metadata.description ?? '',
          example: JSON.parse(metadata.example ?? '{}') as Record<string, unknown>,
        });
  }
  return { services, endpoints: found };
}

it('the services have exactly the endpoints of the reference, with the same descriptions', async () => {
  const nc = await connect({ url: system.nats, name: 'docs-test' });
  try {
    // A service that folds a long log at its start may answer late.
    const found = await until(
      async () => {
        const answered = await endpointsOf(nc);
        return answered.services >= SERVICES.length ? answered.endpoints : undefined;
      },
      { within: ANSWER_MS, what: 'all services answer' },
    );
    const bySubject = (a: { subject: string }, b: { subject: string }): number => (a.subject < b.subject ? -1 : 1);
    expect(found.sort(bySubject)).toEqual(documentedEndpoints().sort(bySubject));
  } finally {
    await nc.close();
  }
});

it('`npm start` and `npm test` are the commands that run here', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  expect(scripts).toMatchObject({ start: 'node bin/freshet.mjs up', test: 'node scripts/test.mjs' });
});

it('every page that promises commands has one', () => {
  for (const page of ['README.md', 'docs/tutorial/first-recommendations.md', 'docs/how-to/look-with-the-nats-cli.md'])
    expect(run.filter(({ file }) => file === page).length, page).toBeGreaterThan(2);
});

// Pages don't look at each other, and a command takes a second or two to load.
describe.concurrent.each(pages().filter((page) => run.some(({ file }) => file === page)))('%s', (page) => {
  for (const block of run.filter(({ file }) => file === page)) {
    const [first = ''] = block.script.split('\n');
    it.sequential(`line ${block.line}: ${first.slice(0, 70)}`, async ({ skip }) => {
      if (block.run === 'nats' && 'missing' in tool) skip(`the nats tool is not here: ${tool.missing}`);
      if (!curl && block.script.includes('curl')) skip('curl is not on PATH');
      const { code, output } = await until(
        async () => {
          const outcome = await execute(block);
          return !block.patient || (outcome.code === 0 && outcome.output.includes(block.shows ?? '')) ? outcome : false;
        },
        { within: SHOWS_MS, what: `${block.script}\nto show ${block.shows}` },
      );
      expect(code, `${output}\n${system.state()}`).toBe(0);
      if (block.shows !== undefined) expect(output).toContain(block.shows);
    });
  }
  afterAll(() => rmSync(shellOf(page), { recursive: true, force: true }));
});
