/** Shell commands in the documentation: what they are, and how they say that they are run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup.mjs';

export type BlockRun =
  /** Against a running system with demo data. */
  | 'demo'
  /** The same, with the `nats` tool. */
  | 'nats'
  /** Left to the tests themselves, which start the system. */
  | 'harness'
  /** Left to the reader: needs what a test does not have. */
  | 'reader';

export interface Block {
  /** Path in the repository. */
  file: string;
  /** Line of the first command, from 1. */
  line: number;
  script: string;
  run: BlockRun;
  /** Does not end by itself: it is interrupted as soon as it shows what is expected. */
  endless: boolean;
  /** Asks for what takes a moment to come: run again until it shows it. */
  patient: boolean;
  /** Text that the output has to hold. */
  shows: string | undefined;
}

const COMMENT =
  /^<!-- run: (demo|nats|harness|reader)(, until Ctrl-C|, until shown)?(?: \([^)]+\))?(?:; shows (.+))? -->$/;

/** Pages that commands are looked for in. */
export function pages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`)
    .sort();
  return ['README.md', 'CONTRIBUTING.md', ...docs];
}

/** The `sh` blocks of a page. Throws for one that does not say how it is run. */
export function blocksOf(file: string): Block[] {
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)/.exec(lines[at] ?? '');
    if (!fence) continue;
    const start = at + 1;
    while (++at < lines.length && lines[at] !== '```');
    if (!/^(sh|bash|shell|console)$/.test(fence[1] ?? '')) continue;
    const where = `${file}:${start}`;
    const comment = COMMENT.exec(lines[start - 2] ?? '');
    if (fence[1] !== 'sh' || !comment)
      throw new Error(
        `${where}: a block of commands is \`\`\`sh, after a comment <!-- run: ... --> (CONTRIBUTING.md).`,
      );
    const [, run, until, shows] = comment;
    if ((run === 'harness' || run === 'reader') && !/\([^)]+\)/.test(comment[0]))
      throw new Error(`${where}: why it is not run stands in brackets.`);
    if (until !== undefined && shows === undefined)
      throw new Error(`${where}: what is run until something is shown has to say what.`);
    const script = lines.slice(start, at).join('\n');
    blocks.push({
      file,
      line: start + 1,
      script,
      run: run as BlockRun,
      endless: until === ', until Ctrl-C',
      patient: until === ', until shown',
      shows,
    });
  }
  return blocks;
}
