/** The rule of one direction between rooms (biome.rooms.json) refuses an upward import, wherever somebody puts one. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { tempDir } from './support/tempdir.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** A file and what it imports, as it would stand in the tree. */
const UPWARD = [
  ['src/config/a.ts', '../bus/nats/connection.ts'],
  ['src/observability/a.ts', '../bus/projection/loop.ts'],
  ['src/bus/nats/a.ts', '../service/lease.ts'],
  ['src/bus/projection/a.ts', '../erasure/ledger.ts'],
  ['src/bus/service/a.ts', '../../engine/start.ts'],
  ['src/bus/projection/b.ts', '../../items/filter.ts'],
  ['src/items/a.ts', '../engine/serve/lists.ts'],
  ['src/user/a.ts', '../engine/model/mod.ts'],
  ['src/engine/model/a.ts', '../fold/projection.ts'],
  ['src/engine/model/state/a.ts', '../../artifacts/records.ts'],
  ['src/engine/model/state/b.ts', '../signals/age.ts'],
  ['src/engine/model/ranker/a.ts', '../learn/learner.ts'],
  ['src/engine/model/candidates/a.ts', '../mod.ts'],
  ['src/engine/fold/a.ts', '../serve/lists.ts'],
  ['src/engine/rerank/a.ts', '../publish/rankings.ts'],
  ['src/engine/serve/a.ts', '../start.ts'],
  ['src/console/a.ts', '../gateway/server.ts'],
  ['src/console/a2.ts', '../bus/event/types.ts'],
  ['src/gateway/a.ts', '../cli/output.ts'],
  ['src/gateway/a3.ts', '../console/main.tsx'],
  ['src/secure/a.ts', '../up/up.ts'],
  ['src/gateway/a2.ts', '../secure/files.ts'],
] as const;

const DOWNWARD = [
  ['src/bus/service/b.ts', '../nats/connection.ts'],
  ['src/engine/lifecycle/b.ts', '../model/mod.ts'],
  ['src/content/b.ts', '../items/filter.ts'],
  ['src/engine/b.ts', './serve/lists.ts'],
  ['src/console/b.ts', '../client/sse.ts'],
  ['src/cli/b.ts', '../engine/start.ts'],
  ['src/up/b.ts', '../secure/files.ts'],
] as const;

it('is an error for every room, with the number of read files', async () => {
  const folder = tempDir('rooms');
  for (const file of ['biome.json', 'biome.rooms.json']) cpSync(join(ROOT, file), join(folder, file));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, target] of [...UPWARD, ...DOWNWARD]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `import { a } from '${target}';\n\nexport const b = a;\n`);
  }
  const output = await new Promise<string>((resolve) => {
    execFile(
      join(ROOT, 'node_modules/.bin/biome'),
      ['lint', '--vcs-enabled=false', '--max-diagnostics=none', 'src'],
      { cwd: folder },
      (_err, stdout, stderr) => resolve(stdout + stderr),
    );
  });
  const refused = [...output.matchAll(/^(\S+):1:\d+ lint\/style\/noRestrictedImports/gm)].map(([, file]) => file);
  expect(refused.sort(), output).toEqual(UPWARD.map(([file]) => file).sort());
  expect(output).toMatch(new RegExp(`Checked ${UPWARD.length + DOWNWARD.length} files`));
});
