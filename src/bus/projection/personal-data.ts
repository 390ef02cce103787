/**
 * The personal data in a projection, for an export: one part per table, in pages. The rows are as stored, except that times
 * are RFC 3339 and JSON columns are parsed. The event that wrote a row (`identity.person`), or a column of the row, gives
 * the data subject.
 */
import type { Database, Statement } from 'better-sqlite3';
import { encodeToken } from '../event/ids.ts';
import { MENTIONS_DATA } from './mentions.ts';
import { SAID_LINKS_DATA } from './session-links.ts';

export type PersonalDataRecord = Record<string, unknown>;

/** Rows of one kind that a service holds on a data subject. */
export interface PersonalDataRows {
  /** Name in the answer. */
  part: string;
  /** Selects the rows of `@user`, with a unique column `key` that gives their order. */
  sql: string;
}

/** Personal data of one kind in memory. */
export interface PersonalDataSource {
  part: string;
  /** Records of this id in the order of their `seq`, behind a position. */
  read(id: string, after: number, limit: number): (PersonalDataRecord & { seq: number })[];
}

export interface PersonalDataPage {
  records: PersonalDataRecord[];
  /** `after` of the next page; null on the last page. */
  next: string | number | null;
}

export interface PersonalDataReader {
  parts: string[];
  read(part: string, id: string, after: string | number | null, limit: number): PersonalDataPage;
}

/** Selects the rows that events of a data subject wrote, for tables whose key is the event's sequence. */
export const ofEvents = (table: string): string =>
  `SELECT ${table}.seq AS key, ${table}.* FROM identity JOIN ${table} ON ${table}.seq = identity.seq
   WHERE identity.person = (SELECT id FROM person WHERE user = @user)`;

/** Personal data in every projection. */
const COMMON: readonly PersonalDataRows[] = [
  { part: 'person', sql: 'SELECT id AS key, user, hmac FROM person WHERE user = @user' },
  {
    part: 'identity',
    sql: `SELECT seq AS key, identity, seq FROM identity
          WHERE person = (SELECT id FROM person WHERE user = @user)`,
  },
  SAID_LINKS_DATA,
  MENTIONS_DATA,
  { part: 'said_back', sql: ofEvents('said_back') },
  // Without the payload, which the log holds under the same sequence.
  {
    part: 'dead_letter',
    sql: `SELECT seq AS key, seq, subject, code, message, length(payload) AS bytes FROM dead_letter
          WHERE (subject >= @fromUser AND subject < @toUser) OR (subject >= @fromFeedback AND subject < @toFeedback)`,
  },
];

const TIMES: ReadonlySet<string> = new Set(['time', 'registered']);
const JSONS: ReadonlySet<string> = new Set(['traits', 'items']);

/** Bytes of records, as JSON, that make a page full; one message carries it. */
const PAGE_BYTES = 262_144;

interface Statements {
  first: Statement<object, KeyedRow>;
  rest: Statement<object, KeyedRow>;
}
type KeyedRow = PersonalDataRecord & { key: string | number };

/** @param own the rows of the service's own tables */
export function createPersonalData(
  db: Database,
  own: readonly PersonalDataRows[] = [],
  memory: readonly PersonalDataSource[] = [],
): PersonalDataReader {
  const rows = new Map([...own, ...COMMON].map(({ part, sql }) => [part, sql]));
  const inMemory = new Map(memory.map((one) => [one.part, one]));
  // Prepared at the first request, because the tables may be those of another release until a rebuild replaces them.
  const prepared = new Map<string, Statements>();

  function statements(part: string, sql: string): Statements {
    const known = prepared.get(part);
    if (known) return known;
    const fresh: Statements = {
      first: db.prepare(`SELECT * FROM (${sql}) ORDER BY key LIMIT @limit`),
      rest: db.prepare(`SELECT * FROM (${sql}) WHERE key > @after ORDER BY key LIMIT @limit`),
    };
    prepared.set(part, fresh);
    return fresh;
  }

  /** Each record, with the cursor of the next one. */
  function find(
    part: string,
    id: string,
    after: string | number | null,
    limit: number,
  ): { key: string | number; record: PersonalDataRecord }[] {
    const source = inMemory.get(part);
    if (source) return source.read(id, Number(after ?? -1), limit).map((record) => ({ key: record.seq, record }));
    const sql = rows.get(part);
    if (sql === undefined) return [];
    const of = { user: id, limit, ...subjectsOf(id, part) };
    const { first, rest } = statements(part, sql);
    return (after === null ? first.all(of) : rest.all({ ...of, after })).map((row) => ({
      key: row.key,
      record: toRecord(row),
    }));
  }

  return {
    parts: [...rows.keys(), ...inMemory.keys()],
    read: (part, id, after, limit) => {
      const found = find(part, id, after, limit);
      let bytes = 0;
      let count = 0;
      for (const { record } of found) {
        bytes += JSON.stringify(record).length;
        if (count > 0 && bytes > PAGE_BYTES) break;
        count++;
      }
      const more = count < found.length || found.length === limit;
      return {
        records: found.slice(0, count).map(({ record }) => record),
        next: more ? (found[count - 1]?.key ?? null) : null,
      };
    },
  };
}

/** The range of subjects that begin with `ev.user.<id>.` or `ev.feedback.<id>.`, for the rows of dead letters. */
function subjectsOf(id: string, part: string): object {
  if (part !== 'dead_letter') return {};
  const token = encodeToken(id);
  return {
    fromUser: `ev.user.${token}.`,
    toUser: `ev.user.${token}/`,
    fromFeedback: `ev.feedback.${token}.`,
    toFeedback: `ev.feedback.${token}/`,
  };
}

function toRecord({ key: _, ...row }: KeyedRow): PersonalDataRecord {
  const record: PersonalDataRecord = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === 'number' && TIMES.has(column)) record[column] = new Date(value).toISOString();
    else if (typeof value === 'string' && JSONS.has(column)) record[column] = JSON.parse(value);
    else record[column] = value;
  }
  return record;
}
