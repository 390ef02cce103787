/** The first rows of a file as the import reads them, in sentences for people. */
import type { Draft } from './drafts.ts';
import type { Reading } from './formats/format.ts';

const ROWS = 3;

/** Reads the first rows. Throws ImportFormatError if it cannot read the file. */
export async function firstRowsOf(reading: Reading, signal: AbortSignal | undefined): Promise<string[]> {
  const rows: string[] = [];
  for await (const drafts of reading.drafts({ signal })) {
    rows.push(...drafts.slice(0, ROWS - rows.length).map((draft) => `line ${draft.line}: ${sentence(draft)}`));
    if (rows.length >= ROWS) break;
  }
  return rows;
}

function sentence(draft: Draft): string {
  switch (draft.kind) {
    case 'interaction': {
      const { user, item, type, value, time, list, context } = draft;
      const verb = type.split('.')[1]?.replace(/^x_/, '');
      const more = [
        value === undefined ? '' : ` with ${value}`,
        list === undefined ? '' : ` from the list ${list}`,
        dated(time),
        context === undefined ? '' : `, ${members(context)}`,
      ];
      return `user ${user} ${verb} item ${item}${more.join('')}`;
    }
    case 'item': {
      const { title, tags = [], attributes = {}, published } = draft.data;
      const more = [
        tags.length > 0 ? `tags ${tags.join(' | ')}` : '',
        published === undefined ? '' : `published ${published.slice(0, 10)}`,
        members(attributes),
      ].filter((text) => text !== '');
      return [`item ${draft.item} ${JSON.stringify(title)}${dated(draft.time)}`, ...more].join(', ');
    }
    case 'user':
      return [`user ${draft.user}${dated(draft.time)}`, members(draft.traits)].filter((text) => text !== '').join(', ');
    case 'event':
      return `an event${dated(draft.time)}: ${short(draft.json)}`;
    case 'rejected':
      return `rejected, because ${draft.message}`;
  }
}

const dated = (time: number | undefined): string =>
  time === undefined || !Number.isFinite(time) ? '' : ` at ${new Date(time).toISOString()}`;

const SHOWN = 80;
const short = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);

const members = (object: object): string =>
  Object.entries(object)
    .map(([name, value]) => `${name} ${short(Array.isArray(value) ? value.join(' | ') : String(value))}`)
    .join(', ');
