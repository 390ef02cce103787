/** The command line of the long suites; each suite has a small case of its own beside it. */
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { longCommand } from './command.ts';

/** What a caller reads for these words, and the code with which the command ends. */
async function long(...words: string[]): Promise<{ code: number; text: string }> {
  let text = '';
  const take = (part: string): void => {
    text += part;
  };
  const program = longCommand();
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeOut: take, writeErr: take });
  try {
    await program.parseAsync(words, { from: 'user' });
    return { code: 0, text };
  } catch (err) {
    if (!(err instanceof CommanderError)) throw err;
    return { code: err.exitCode, text };
  }
}

describe('npm run test:long', () => {
  it('lists the suites without a name, and for a name that no suite has', async () => {
    for (const words of [[], ['nonsense']]) {
      const { code, text } = await long(...words);
      expect(code).toBe(1);
      for (const name of [
        'e2e',
        'backup',
        'faults',
        'simulate',
        'properties',
        'steps',
        'made-up-ids',
        'state-hash',
        'nodes',
      ])
        expect(text).toContain(`  ${name} `);
    }
    expect((await long('nonsense')).text).toContain("unknown command 'nonsense'");
  });

  it.each(['e2e', 'backup', 'faults', 'simulate', 'properties', 'steps', 'made-up-ids', 'state-hash', 'nodes'])(
    'shows the help of %s',
    async (name) => {
      const { code, text } = await long(name, '--help');
      expect(code).toBe(0);
      expect(text).toContain(`Usage: test:long ${name} `);
    },
  );
});
