/**
 * Checks requests by the schema that an endpoint owns. The services check the requests over NATS, and the
 * gateway those over HTTP, so both refuse the same requests in the same words. Nothing is converted; an error
 * names the member, its value, and what the member takes.
 */
import type { Static, TObject } from 'typebox';
import { BadRequestError } from '../../errors.ts';
import { compiledAtFirstUse, type SchemaError } from '../event/validator.ts';

/** Returns the checked request. Throws `BadRequestError`, whose details name the `member`. */
export type RequestCheck<T extends TObject> = (request: Readonly<Record<string, unknown>>) => Static<T>;

/** The part of JSON Schema that describes a member in words. */
export interface MemberSchema {
  type?: string;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  minItems?: number;
  minLength?: number;
  maxLength?: number;
  enum?: readonly unknown[];
  const?: unknown;
  anyOf?: readonly MemberSchema[];
  items?: MemberSchema;
  properties?: Record<string, MemberSchema>;
  required?: readonly string[];
  additionalProperties?: boolean;
}

/** The check of a schema. An optional member that is `null` counts as left out, at every depth that the schema describes. */
export function createRequestCheck<T extends TObject>(schema: T): RequestCheck<T> {
  const validator = compiledAtFirstUse(schema);
  const shape = schema as unknown as MemberSchema;
  const known = shape.additionalProperties === false ? Object.keys(schema.properties) : undefined;
  return (request) => {
    if (known) refuseUnknown(request, known);
    const value = withoutNulls(request, shape);
    if (validator.Check(value)) return value as Static<T>;
    throw refusal(validator.Errors(value), value as object, shape);
  };
}

/** Throws `BadRequestError` for a member that the request does not have: a mistake that would go unnoticed. */
export function refuseUnknown(request: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  for (const name of Object.keys(request)) {
    if (known.includes(name)) continue;
    const member = name.slice(0, SHOWN);
    throw new BadRequestError(
      known.length === 0
        ? `${member} is not a member of this request. The request has no members.`
        : `${member} is not a member of this request. Its members are ${known.join(', ')}.`,
      { details: { member } },
    );
  }
}

/** Characters of a name or a value that an error shows. */
const SHOWN = 100;

function withoutNulls(value: unknown, schema: MemberSchema | undefined): unknown {
  if (typeof value !== 'object' || value === null || schema === undefined) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items?.properties === undefined) return value;
    const kept = value.map((one: unknown) => withoutNulls(one, items));
    return kept.some((one, i) => one !== value[i]) ? kept : value;
  }
  const { properties, required = [] } = schema;
  if (properties === undefined) return value;
  const given = value as Record<string, unknown>;
  let changed: Record<string, unknown> | undefined;
  for (const [name, inner] of Object.entries(given)) {
    if (!Object.hasOwn(properties, name) || (inner === null && required.includes(name))) continue;
    const kept = inner === null ? undefined : withoutNulls(inner, properties[name]);
    if (kept === inner) continue;
    changed ??= { ...given };
    if (kept === undefined) delete changed[name];
    else changed[name] = kept;
  }
  return changed ?? value;
}

/** Names on the way to a value: `/boosts/0/by`. */
const namesOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Of several errors, the first one at the deepest place of the request. */
function deepest(errors: readonly SchemaError[]): { names: string[]; problem: string | undefined } {
  let names: string[] = [];
  for (const { instancePath } of errors) {
    const these = namesOf(instancePath);
    if (these.length > names.length) names = these;
  }
  const pointer = errors.find(
    ({ instancePath, keyword }) => keyword === REFINED && namesOf(instancePath).length === names.length,
  );
  return { names, problem: pointer?.message };
}

/** Keyword of a check beyond JSON Schema; the message of its error says what is wrong with the value. */
const REFINED = '~refine';

function refusal(errors: readonly SchemaError[], value: object, shape: MemberSchema): BadRequestError {
  const { names, problem } = deepest(errors);
  const missing = missingOf(value, shape);
  const path = names.length > 0 ? names : missing === undefined ? [] : [missing];
  let schema: MemberSchema = shape;
  let inner: unknown = value;
  let member = '';
  for (const name of path) {
    const next = schema.items ?? schema.properties?.[name];
    // For an unknown member of a part, or a part with several shapes, the error names the part itself.
    if (!next) break;
    member += schema.items ? `[${name}]` : `${member === '' ? '' : '.'}${name.slice(0, SHOWN)}`;
    schema = next;
    inner = (inner as Record<string, unknown>)[name];
  }
  if (member === '') return new BadRequestError('The request does not have the shape that its schema describes.');
  return new BadRequestError(`${member} ${wrongness(inner, schema, problem)}. It must be ${describe(schema)}.`, {
    details: { member },
  });
}

const missingOf = (value: object, { required = [] }: MemberSchema): string | undefined =>
  required.find((name) => (value as Record<string, unknown>)[name] === undefined);

/** What is wrong with a value, as the end of a sentence. */
function wrongness(value: unknown, schema: MemberSchema, problem: string | undefined): string {
  if (value === undefined) return 'is missing';
  if (problem !== undefined) return problem;
  if (Array.isArray(value)) return `is a list of ${value.length}`;
  if (typeof value !== 'object' || value === null) return `is ${shown(value)}`;
  const missing = missingOf(value, schema);
  if (missing !== undefined) return `has no ${missing}`;
  const { properties, additionalProperties } = schema;
  const unknown =
    properties && additionalProperties === false
      ? Object.keys(value).find((name) => !Object.hasOwn(properties, name))
      : undefined;
  return unknown === undefined ? `is ${shown(value)}` : `has an unknown member ${shown(unknown)}`;
}

/** A value in an error: JSON, cut if it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}…`;
}

/** What a member takes, in words. */
function describe(schema: MemberSchema): string {
  const { type, minimum, maximum, minItems = 0, maxItems, minLength = 0, maxLength, anyOf, properties } = schema;
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (typeof schema.const === 'string') return JSON.stringify(schema.const);
  if (anyOf) return anyOf.map(describe).join(', or ');
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const range = `${minimum === undefined ? '' : ` from ${minimum}`}${most === undefined ? '' : ` to ${most}`}`;
  if (type === 'integer') return `a whole number${range}`;
  if (type === 'number') return `a number${range}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'array') {
    const items = schema.items?.type === 'string' ? ' strings' : '';
    return `a list of ${minItems > 0 ? `${minItems} to` : 'at most'} ${maxItems}${items}`;
  }
  if (type === 'object') return properties ? `an object with ${Object.keys(properties).join(', ')}` : 'an object';
  // Only ids have a check of their own: see `id` in request-members.ts.
  if (REFINED in schema) return `a string of ${minLength} to ${maxLength} bytes of printable UTF-8`;
  if (maxLength === undefined) return minLength === 0 ? 'a string' : `a string of at least ${minLength} characters`;
  return `a string of ${minLength} to ${maxLength} characters`;
}
