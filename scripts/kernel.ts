/**
 * Builds the model's kernel from `src/engine/model/kernel/assembly`: `kernel.wasm`, and `kernel-scalar.wasm` for
 * processors without SIMD. Both are committed, so Freshet runs without the compiler; a test compares them with what the
 * sources give. The same version of the compiler gives the same bytes.
 */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { argv } from 'node:process';
import { pathToFileURL } from 'node:url';
import { main } from 'assemblyscript/asc';
import { ROOT } from './setup.mjs';

const FOLDER = join(ROOT, 'src/engine/model/kernel');

export const BUILDS = [
  { file: join(FOLDER, 'kernel.wasm'), options: ['--enable', 'simd'] },
  { file: join(FOLDER, 'kernel-scalar.wasm'), options: ['--disable', 'simd'] },
] as const;

/** The bytes of one build. Throws an Error with what the compiler says. */
export async function build({ options }: (typeof BUILDS)[number]): Promise<Uint8Array> {
  let bytes: Uint8Array | undefined;
  const entry = relative(ROOT, join(FOLDER, 'assembly/index.ts'));
  const { error, stderr } = await main(
    // Without assertions, and a failure traps; memory without a garbage collector.
    [entry, '-O3', '--noAssert', '--runtime', 'minimal', '--use', 'abort=', ...options, '--outFile', 'kernel.wasm'],
    {
      writeFile: (_name, contents) => {
        if (typeof contents !== 'string') bytes = contents;
      },
    },
  );
  if (error || bytes === undefined) throw new Error(`The kernel did not compile.\n${stderr.toString()}`);
  return bytes;
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  for (const one of BUILDS) {
    const bytes = await build(one);
    writeFileSync(one.file, bytes);
    console.log(`${relative(ROOT, one.file)}: ${bytes.length} bytes`);
  }
}
