import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ColumnRole, NAMES_BY_ROLE, TIME_FORMS } from '../../src/import/mod.ts';
import { FORMS, type Form } from '../../test/import/forms.ts';
import { ROOT } from '../setup.mjs';
import { code, generatedFrom, page, table } from './markdown.ts';

/** What a column of each role becomes, in the order of the page. */
const ROLES: Readonly<Record<ColumnRole, string>> = {
  user: 'the user of an interaction; the id in a table of users',
  item: 'the item of an interaction; the id in a table of items',
  time: 'the time of an interaction',
  rating: 'the value, and the type `user.rated.v1` if no column holds types',
  value: 'the value, if the table has no rating',
  type: 'the type of each interaction',
  title: 'the title of an item',
  description: 'the description of an item',
  tags: 'tags of an item',
  published: 'the day on which an item came out',
  embedding: 'the embedding of an item',
  personal: 'nothing, unless you pass `--personal`: it identifies a person',
};

/** What test/import/forms.test.ts has seen: what becomes of each form. */
export const OUTCOMES = 'test/import/outcomes.json';

const LINES = 2;

/** The first lines of each file. A tab is shown as an arrow. */
function excerpt({ files }: Form): string {
  return Object.entries(files)
    .map(([name, text]) => {
      const lines = text.split('\n').filter((line) => line !== '');
      return [`${name}:`, ...lines.slice(0, LINES).map((line) => literal(line.replaceAll('\t', ' → ')))].join('<br>');
    })
    .join('<br>');
}

/** Code that may hold back-ticks. */
const literal = (text: string): string => (text.includes('`') ? `\`\` ${text} \`\`` : code(text));

const OPTIONS: Readonly<Record<string, (value: unknown) => string>> = {
  timeUnit: (value) => `--time-unit ${value}`,
  timezone: (value) => `--timezone ${value}`,
  inFileOrder: () => '--in-file-order',
  personal: () => '--personal',
};

function given({ options = {}, map }: Form): string {
  const named = Object.entries(options).map(([name, value]) => code(OPTIONS[name]?.(value) ?? name));
  return [...named, ...(map ? [`a map: ${code(JSON.stringify(map))}`] : [])].join(', ');
}

export function importsPage(): string {
  const outcomes = JSON.parse(readFileSync(join(ROOT, OUTCOMES), 'utf8')) as Record<string, string>;
  return page(
    generatedFrom(`src/import and ${OUTCOMES}`),
    '# What an import recognises',
    '[Import your history](../how-to/import-your-history.md) says how to import. This page lists what `freshet import` recognises without a map.',
    '## Usual names of columns',
    'The import ignores case, blanks and punctuation in names: `User-ID`, `user_id` and `userid` are the same name. If several columns of a table have names of the same row below, the import reads the column whose name comes first there. It reads all columns of tags.',
    table(
      ['names', 'what the column becomes'],
      (Object.keys(ROLES) as ColumnRole[]).map((role) => [NAMES_BY_ROLE[role].map(code).join(', '), ROLES[role]]),
    ),
    '## Forms of times',
    '`timeUnit` in a map and `--time-unit` take these names. The import finds out the form by itself, except for the last three, and for dates in which day and month may change places.',
    table(
      ['name', 'what the times are'],
      Object.entries(TIME_FORMS).map(([name, what]) => [code(name), what]),
    ),
    '## Forms of files',
    'A test imports each of these files and compares the outcome with this table. The rows are made up, in the form of the data that they are named after. A refused import publishes nothing and exits with code 1.',
    table(
      ['form', 'first lines', 'options', 'what becomes of it'],
      FORMS.map((form) => [form.name, excerpt(form), given(form), literal(outcomes[form.name] ?? '')]),
    ),
  );
}
