import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { ROOT } from '../setup.mjs';
import { generatedFrom, page } from './markdown.ts';

/** Width of the help texts in columns. It does not depend on the terminal. */
const WIDTH = 100;

/** The verbs in order of name, each from its own file. */
async function verbs(): Promise<Command[]> {
  const folder = join(ROOT, 'src/cli/verbs');
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.includes('.test.'))
    .map((name) => name.replace(/\.ts$/, ''))
    .sort();
  const found: Command[] = [];
  for (const name of names) {
    const module = (await import(join(folder, `${name}.ts`))) as Record<string, unknown>;
    const make = module[`${name}Verb`];
    if (typeof make !== 'function') throw new Error(`src/cli/verbs/${name}.ts exports no ${name}Verb.`);
    found.push((make as () => Command)());
  }
  return found;
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
    getOutHelpWidth: () => WIDTH,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : [command, ...command.commands.flatMap(leaves)];

function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name();
}

export async function cliPage(): Promise<string> {
  const program = new Command('freshet');
  for (const verb of await verbs()) program.addCommand(verb);
  const sections = program.commands
    .flatMap(leaves)
    .map((command) => [`## ${nameOf(command)}`, ['```text', helpOf(command), '```'].join('\n')].join('\n\n'));
  return page(
    generatedFrom('the help of the commands'),
    '# Command line',
    'Run `npx freshet VERB` in the clone. A verb that talks to a running system finds its nats-server by `--nats URL`, then `$NATS_URL`, then the `freshet up` whose data folder `--data` names. With `--json` it prints one JSON document, or lines of JSON for streams.',
    'Exit codes: 0 for success, 1 for failure, 2 for wrong usage. Results go to standard output. Everything else goes to standard error. An error is `CODE: message`, and the next line names the command to run. The codes: [errors](errors.md).',
    ...sections,
  );
}
