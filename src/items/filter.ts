/**
 * Filters: a part of MongoDB's query language, checked before it runs. The part is small on purpose: no regular
 * expressions, no code, no fields but those of items, and a bounded number of comparisons, so that no filter
 * stops a service. The library sift runs a checked filter.
 */
import sift from 'sift';
import { canonicalJson, UncanonicalError } from '../bus/event/canonical.ts';
import { parseTimestamp } from '../bus/event/time.ts';
import { BadRequestError } from '../errors.ts';
import { isObject } from '../is-object.ts';
import { FIELDS, fieldKey, type ItemDocument, TIMES } from './document.ts';

export interface Filter {
  /** Equal filters have equal keys. */
  key: string;
  test(document: ItemDocument): boolean;
}

export const FILTER_LIMITS = {
  /** Characters of a filter as JSON. */
  length: 8_192,
  /** Levels of `$and`, `$or`, `$nor`, `$not`. */
  depth: 6,
  /** Comparisons in total; a list of `$in` counts as one. */
  comparisons: 64,
  /** Values in one list. */
  values: 1_000,
  /** Characters of a text. */
  text: 1_000,
} as const;

// sift is a CommonJS module, and Node sees only its default export.
const { $all, $and, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $nor, $not, $or, $size, createQueryTester } =
  sift;

const OPERATIONS = { $all, $and, $eq, $exists, $gt, $gte, $in, $lt, $lte, $ne, $nin, $nor, $not, $or, $size };

/** Operators by the kind of their operand. */
const VALUE_OPERATORS = new Set(['$eq', '$ne']);
const ORDER_OPERATORS = new Set(['$gt', '$gte', '$lt', '$lte']);
const LIST_OPERATORS = new Set(['$in', '$nin', '$all']);
const COMBINATIONS = new Set(['$and', '$or', '$nor']);
/** All operators, for messages and documentation. */
export const FILTER_OPERATORS = Object.keys(OPERATIONS);

type Query = Record<string, unknown>;

interface Check {
  /** Name of the member, for messages. */
  member: string;
  /** Fields that a filter may name, beside attributes. */
  fields: readonly string[];
  /** The time of `now`, milliseconds since 1970. */
  now: number;
  comparisons: number;
}

/**
 * A checked filter. Throws `BadRequestError`, which names the wrong part.
 *
 * @param now the time of `now` in a filter, milliseconds since 1970
 * @param fields the fields that the filter may name, beside attributes
 */
export function parseFilter(
  value: unknown,
  { member = 'filter', now, fields = FIELDS }: { member?: string; now: number; fields?: readonly string[] },
): Filter {
  if (!isObject(value)) throw wrong(member, 'must be an object such as {"tags": "sea"}');
  // This check comes first, because JSON.stringify fails for much deeper nesting than a filter may have.
  const check: Check = { member, fields, now, comparisons: 0 };
  const query = clause(value, check, 1);
  const text = textOf(query, member);
  if (text.length > FILTER_LIMITS.length) throw wrong(member, `has more than ${FILTER_LIMITS.length} characters`);
  const test = createQueryTester(query, { operations: OPERATIONS }) as (document: ItemDocument) => boolean;
  return { key: text, test: (document) => test(document) };
}

function clause(value: unknown, check: Check, depth: number): Query {
  const { member, fields } = check;
  if (!isObject(value)) throw wrong(member, 'must hold conditions as objects, such as {"tags": "sea"}');
  if (depth > FILTER_LIMITS.depth) throw wrong(member, `is nested deeper than ${FILTER_LIMITS.depth} levels`);
  const query: Query = {};
  for (const [name, inner] of Object.entries(value)) {
    if (COMBINATIONS.has(name)) {
      if (!Array.isArray(inner) || inner.length === 0)
        throw wrong(member, `has ${name} without conditions. ${name} takes a list such as [{"tags": "sea"}]`);
      // Each condition costs time, even without a comparison.
      count(check, inner.length);
      query[name] = inner.map((one) => clause(one, check, depth + 1));
      continue;
    }
    if (name.startsWith('$'))
      throw wrong(member, `has the unknown operator ${shown(name)}. The operators are ${FILTER_OPERATORS.join(', ')}`);
    const key = fieldKey(name);
    if (key === undefined || !(fields.includes(key) || key.startsWith('@')))
      throw wrong(
        member,
        `has the unknown field ${shown(name)}. The fields are ${fields.join(', ')} and attributes.NAME`,
      );
    query[key] = condition(name, inner, check, depth);
  }
  return query;
}

function condition(field: string, value: unknown, check: Check, depth: number): unknown {
  const { member } = check;
  if (!isObject(value)) {
    count(check, 1);
    return { $eq: scalar(field, value, check) };
  }
  if (depth > FILTER_LIMITS.depth) throw wrong(member, `is nested deeper than ${FILTER_LIMITS.depth} levels`);
  const entries = Object.entries(value);
  if (entries.length === 0) throw wrong(member, `has no condition for ${shown(field)}. Give it a value or operators`);
  const query: Query = {};
  for (const [operator, operand] of entries) {
    count(check, 1);
    query[operator] = operandOf(field, operator, operand, check, depth);
  }
  return query;
}

function operandOf(field: string, operator: string, operand: unknown, check: Check, depth: number): unknown {
  const { member } = check;
  const where = `has a wrong value for ${operator} of ${shown(field)}. It must be`;
  if (VALUE_OPERATORS.has(operator)) return scalar(field, operand, check);
  if (ORDER_OPERATORS.has(operator)) {
    const bound = scalar(field, operand, check);
    if (typeof bound !== 'number' && typeof bound !== 'string') throw wrong(member, `${where} a number or a text`);
    return bound;
  }
  if (LIST_OPERATORS.has(operator)) {
    if (!Array.isArray(operand) || operand.length === 0 || operand.length > FILTER_LIMITS.values)
      throw wrong(member, `${where} a list of 1 to ${FILTER_LIMITS.values} values`);
    return operand.map((one) => scalar(field, one, check));
  }
  switch (operator) {
    case '$exists':
      if (typeof operand !== 'boolean') throw wrong(member, `${where} true or false`);
      return operand;
    case '$size':
      if (!Number.isSafeInteger(operand) || (operand as number) < 0) throw wrong(member, `${where} a whole number`);
      return operand;
    case '$not': {
      if (!isObject(operand)) throw wrong(member, `${where} an object with operators`);
      return condition(field, operand, check, depth + 1);
    }
    default:
      throw wrong(
        member,
        `has the unknown operator ${shown(operator)}. The operators are ${FILTER_OPERATORS.join(', ')}`,
      );
  }
}

/** A value to compare with; times become milliseconds. */
function scalar(field: string, value: unknown, { member, now }: Check): string | number | boolean | null {
  if (value === null) return null;
  if (TIMES.has(field)) {
    const time = typeof value === 'string' ? timeOf(value, now) : undefined;
    if (time === undefined)
      throw wrong(
        member,
        `has a wrong value for ${field}. It must be a time such as "2026-01-01T00:00:00Z" or "now-30d"`,
      );
    return time;
  }
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string' && value.length <= FILTER_LIMITS.text) return value;
  throw wrong(
    member,
    `has a wrong value for ${shown(field)}. It must be a text of up to ${FILTER_LIMITS.text} characters, a number, true, false or null`,
  );
}

function textOf(query: Query, member: string): string {
  try {
    return canonicalJson(query);
  } catch (err) {
    if (err instanceof UncanonicalError) throw wrong(member, err.message);
    throw err;
  }
}

const RELATIVE = /^now(?:([+-])(\d{1,6})([smhd]))?$/;
const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `now`, `now-30d`, `now+12h`, a date or an RFC 3339 time, as milliseconds since 1970. */
export function timeOf(text: string, now: number): number | undefined {
  const relative = RELATIVE.exec(text);
  if (relative) {
    const [, sign, count = '0', unit = 's'] = relative;
    return now + (sign === '-' ? -1 : 1) * Number(count) * (UNIT_MS[unit] as number);
  }
  return parseTimestamp(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text);
}

function count(check: Check, by: number): void {
  check.comparisons += by;
  if (check.comparisons > FILTER_LIMITS.comparisons)
    throw wrong(check.member, `holds more than ${FILTER_LIMITS.comparisons} comparisons`);
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 60));

const wrong = (member: string, what: string): BadRequestError =>
  new BadRequestError(`${member} ${what}.`, {
    next: 'see docs/how-to/shape-lists.md',
    details: { member },
  });
