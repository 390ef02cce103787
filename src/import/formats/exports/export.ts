/** Exports of other recommenders and of event collectors, in JSON lines of objects that tell what they are. */
import type { AttributeValue, InteractionType } from '../../../bus/event/types.ts';
import { isObject } from '../../../is-object.ts';
import { type Draft, reject, rejectId, shown } from '../../drafts.ts';
import { columnsOf } from '../../names.ts';
import { usualType } from '../../table.ts';
import { parseDate } from '../../time/units.ts';
import type { ImportRole, OnRemark } from '../../types.ts';

export type Json = Readonly<Record<string, unknown>>;

export interface ExportOptions {
  /** Keeps members that identify a person. */
  personal: boolean;
  onRemark: OnRemark;
}

/** One form of export. */
export interface ExportForm {
  /** What it is, for people. */
  name: string;
  /** Which role a file has whose first objects are these; undefined: it does not have this form. */
  roleOf(objects: readonly Json[]): ImportRole | undefined;
  /** What becomes of an object, for the objects of a file in their order. */
  reader(options: ExportOptions): (object: Json, line: number) => readonly Draft[];
}

/** An id as a text; exports also have numbers. Empty for a number above 2^53, whose last digits JSON loses. */
export function idOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'number') return '';
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? '' : String(value);
}

/** Milliseconds since 1970 of an ISO time, or of a number of milliseconds. */
export function timeOf(value: unknown): number | undefined {
  const text = idOf(value);
  return /^\d{11,14}$/.test(text) ? Number(text) : parseDate(text);
}

export interface Act {
  user: unknown;
  item: unknown;
  time: unknown;
  /** What the user did, by the word of the export. */
  verb: string;
  value?: unknown;
}

/** An interaction, or why there is none. */
export function actOf({ user, item, time, verb, value }: Act, line: number): Draft {
  const [userId, itemId, at] = [idOf(user), idOf(item), timeOf(time)];
  const wrong = rejectId(line, 'the user id', userId) ?? rejectId(line, 'the item id', itemId);
  if (wrong) return wrong;
  if (at === undefined) return reject(line, 'FRESHET_IMPORT_ROW_TIME', `${shown(idOf(time))} is not a time`);
  const type = usualType(verb);
  if (type === undefined)
    return reject(
      line,
      'FRESHET_EVENT_TYPE_UNKNOWN',
      `the import does not know what ${shown(verb)} means; a column map with "type" says it`,
    );
  return {
    kind: 'interaction',
    line,
    time: at,
    user: userId,
    item: itemId,
    type: type === 'user.rated.v1' && typeof value !== 'number' ? 'user.viewed.v1' : type,
    value: typeof value === 'number' && takesValue(type) ? value : undefined,
    list: undefined,
    context: undefined,
  };
}

const takesValue = (type: InteractionType): boolean => type === 'user.rated.v1' || type === 'user.purchased.v1';

/** A value that attributes and traits may have; undefined for any other. */
export function attributeOf(value: unknown): AttributeValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value === '' ? undefined : value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (!Array.isArray(value) || value.length === 0) return undefined;
  return value.every((part) => typeof part === 'string' || typeof part === 'number') ? value.map(String) : undefined;
}

/** The members of an object that may be attributes or traits, without those of `but`. Members of objects have a dot. */
export function attributesOf(object: Json, but: readonly string[] = [], prefix = ''): Record<string, AttributeValue> {
  const found: Record<string, AttributeValue> = {};
  for (const [name, value] of Object.entries(object)) {
    if (but.includes(name)) continue;
    if (isObject(value)) Object.assign(found, attributesOf(value, [], `${prefix}${name}.`));
    else {
      const attribute = attributeOf(value);
      if (attribute !== undefined) found[`${prefix}${name}`] = attribute;
    }
  }
  return found;
}

/** Traits of a user, or why there are none. */
export function userOf(
  user: unknown,
  traits: Record<string, AttributeValue>,
  time: number | undefined,
  { personal, onRemark }: ExportOptions,
  line: number,
): Draft {
  const id = idOf(user);
  const wrong = rejectId(line, 'the user id', id);
  if (wrong) return wrong;
  const left = personal ? [] : columnsOf('personal', Object.keys(traits));
  if (left.length > 0) onRemark('members that identify a person are not read (--personal keeps them)', line);
  const kept = Object.fromEntries(Object.entries(traits).filter(([name]) => !left.includes(name)));
  return { kind: 'user', line, user: id, traits: kept, time };
}

/** Texts of a list; none for anything else. */
export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((part): part is string => typeof part === 'string' && part !== '') : [];
