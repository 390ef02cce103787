import { type ColumnRole, NAMES_BY_ROLE, TIME_FORMS } from '../../src/import/mod.ts';
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

export function importsPage(): string {
  return page(
    generatedFrom('src/import'),
    '# What an import recognises',
    '[Import your history](../how-to/import-your-history.md) says how to import. This page lists what `freshet import` recognises without a map.',
    '## Usual names of columns',
    'Case, blanks and punctuation make no difference: `User-ID`, `user_id` and `userid` are the same name. If a table has several names of a role, the first one in this list counts, except for tags, of which all count.',
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
  );
}
