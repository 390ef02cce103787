/**
 * Checking requests by the schemas that the documentation is made of. Texts of a query become numbers, flags and lists;
 * nothing else is converted, nothing is dropped, and an error says which member and what it takes.
 */
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { BadRequestError } from '../errors.ts';

interface MemberSchema {
  type?: string;
  minimum?: number;
  maximum?: number;
  maxItems?: number;
  minItems?: number;
  minLength?: number;
  maxLength?: number;
  enum?: readonly unknown[];
  anyOf?: readonly MemberSchema[];
  items?: MemberSchema;
  properties?: Record<string, MemberSchema>;
}

interface ObjectSchema {
  properties: Record<string, MemberSchema>;
  required?: string[];
}

type Result = { value: unknown } | { error: Error };

/** For `setValidatorCompiler`; what a path holds is checked by whoever asks a service with it. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  if (httpPart === 'querystring')
    return checker(schema, (given, shape) => readQuery(given as Record<string, unknown>, shape));
  if (httpPart === 'body') return checker(schema, readBody);
  return () => true;
};

function checker(
  schema: TSchema,
  read: (given: unknown, shape: ObjectSchema) => Record<string, unknown>,
): (given: unknown) => Result {
  const validator = Compile(schema);
  const shape = schema as unknown as ObjectSchema;
  return (given) => {
    try {
      const value = read(given, shape);
      if (validator.Check(value)) return { value };
      return { error: wrong(deepest(validator.Errors(value)), value, shape) };
    } catch (error) {
      return { error: error as Error };
    }
  };
}

function onlyKnown(given: Record<string, unknown>, { properties }: ObjectSchema): void {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(properties, name)) continue;
    const details = { member: name.slice(0, 100) };
    throw new BadRequestError(
      `${details.member} is not understood here; it takes ${Object.keys(properties).join(', ') || 'nothing'}.`,
      { details },
    );
  }
}

function readBody(given: unknown, shape: ObjectSchema): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new BadRequestError('The body has to be a JSON object.', { details: { member: 'body' } });
  const body = given as Record<string, unknown>;
  onlyKnown(body, shape);
  return body;
}

function readQuery(given: Record<string, unknown>, shape: ObjectSchema): Record<string, unknown> {
  onlyKnown(given, shape);
  const query: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(given)) {
    const member = shape.properties[name] as MemberSchema;
    if (member.type === 'array') query[name] = Array.isArray(text) ? text : [text];
    else if (Array.isArray(text))
      throw new BadRequestError(`${name} is given ${text.length} times; it takes one.`, { details: { member: name } });
    else query[name] = convert(text as string, member.type);
  }
  return query;
}

const WHOLE = /^-?\d{1,16}$/;
const NUMBER = /^-?\d{1,16}(\.\d{1,16})?$/;
const FLAGS = new Map<string, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The value that a text of a query stands for; the text itself where it stands for none, which the check refuses. */
function convert(text: string, type: string | undefined): unknown {
  if (type === 'integer') return WHOLE.test(text) ? Number(text) : text;
  if (type === 'number') return NUMBER.test(text) ? Number(text) : text;
  if (type === 'boolean') return FLAGS.get(text) ?? text;
  return text;
}

/** The names on the way to what is wrong: of several errors the first that leads furthest. */
function deepest(errors: readonly { instancePath: string }[]): string[] {
  let path: string[] = [];
  for (const { instancePath } of errors) {
    const names = instancePath
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    if (names.length > path.length) path = names;
  }
  return path;
}

function wrong(path: readonly string[], value: Record<string, unknown>, shape: ObjectSchema): BadRequestError {
  const missing = shape.required?.find((name) => value[name] === undefined);
  const names = path.length > 0 ? path : missing === undefined ? [] : [missing];
  let schema: MemberSchema | undefined = shape;
  let inner: unknown = value;
  let member = '';
  for (const name of names) {
    const next: MemberSchema | undefined = schema?.items ?? schema?.properties?.[name];
    // What stands in one of several shapes is told of by the shapes.
    if (!next) break;
    member += schema?.items ? `[${name}]` : `${member === '' ? '' : '.'}${name.slice(0, 100)}`;
    schema = next;
    inner = (inner as Record<string, unknown> | undefined)?.[name];
  }
  if (member === '' || !schema) return new BadRequestError('The request is of another shape than it should be.');
  return new BadRequestError(
    inner === undefined
      ? `${member} is missing; it takes ${describe(schema)}.`
      : `${member} takes ${describe(schema)}.`,
    { details: { member } },
  );
}

/** What a member takes, in words. */
function describe(schema: MemberSchema): string {
  const { type, minimum, maximum, minItems = 0, maxItems, minLength = 0, maxLength, anyOf, properties } = schema;
  if (schema.enum) return `one of ${schema.enum.join(', ')}`;
  if (anyOf) return anyOf.map(describe).join(', or ');
  const most = maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
  const range = `${minimum === undefined ? '' : ` from ${minimum}`}${most === undefined ? '' : ` to ${most}`}`;
  if (type === 'integer') return `a whole number${range}`;
  if (type === 'number') return `a number${range}`;
  if (type === 'boolean') return 'true or false';
  if (type === 'array') return `a list of ${minItems > 0 ? `${minItems} to` : 'at most'} ${maxItems}`;
  if (type === 'object') return properties ? `an object with ${Object.keys(properties).join(', ')}` : 'an object';
  return `a text of ${maxLength === undefined ? `at least ${minLength}` : `${minLength} to ${maxLength}`} characters`;
}
