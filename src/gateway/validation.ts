/**
 * Checks requests by the schemas that the services' endpoints own, and that the OpenAPI document is made from. The
 * gateway converts the texts of a query to numbers, flags and lists, and converts nothing else.
 */
import type { FastifySchemaCompiler } from 'fastify';
import { type TObject, type TSchema, Type } from 'typebox';
import { createRequestCheck, refuseUnknown } from '../bus/nats/request-check.ts';
import { BadRequestError } from '../errors.ts';

type Members = Record<string, unknown>;
type Result = { value: unknown } | { error: Error };

/** For `setValidatorCompiler`. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const shape = schema as TObject;
  switch (httpPart) {
    case 'querystring':
      return checker(shape, (given) => readQuery(given as Members, shape));
    case 'body':
      return checker(shape, readBody);
    case 'params':
      return pathChecker(shape);
    default:
      return () => true;
  }
};

function checker(schema: TObject, read: (given: unknown) => Members): (given: unknown) => Result {
  const check = createRequestCheck(schema);
  return (given) => attempt(() => check(read(given)));
}

/** Errors name a path parameter by the title of the schema, as the endpoint does: `user` rather than `id`. */
function pathChecker({ properties, ...schema }: TObject): (given: unknown) => Result {
  const { title } = schema as { title?: string };
  const named = Object.entries(properties).map(([parameter, member]) => ({
    parameter,
    name: title ?? parameter,
    type: (member as { type?: string }).type,
    check: createRequestCheck(Type.Object({ [title ?? parameter]: member })),
  }));
  return (given) =>
    attempt(() => {
      const path: Members = {};
      for (const { parameter, name, type, check } of named)
        path[parameter] = check({ [name]: convert((given as Record<string, string>)[parameter] ?? '', type) })[name];
      return path;
    });
}

function attempt(read: () => unknown): Result {
  try {
    return { value: read() };
  } catch (error) {
    return { error: error as Error };
  }
}

function readBody(given: unknown): Members {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new BadRequestError('The body is not a JSON object. Send one as application/json, such as {}.', {
      details: { member: 'body' },
    });
  return given as Members;
}

function readQuery(given: Members, { properties }: TObject): Members {
  refuseUnknown(given, Object.keys(properties));
  const query: Members = {};
  for (const [name, text] of Object.entries(given)) {
    const { type, explode, anyOf } = properties[name] as {
      type?: string;
      explode?: boolean;
      anyOf?: { type?: string }[];
    };
    if (type === 'array') {
      const texts = Array.isArray(text) ? (text as string[]) : [text as string];
      query[name] = explode === false ? texts.flatMap((one) => separated(name, one)) : texts;
    } else if (Array.isArray(text))
      throw new BadRequestError(`The query has ${name} ${text.length} times. Give it once.`, {
        details: { member: name },
      });
    else
      query[name] = convert(
        text as string,
        type ?? (anyOf?.some((one) => one.type === 'boolean') ? 'boolean' : undefined),
      );
  }
  return query;
}

/** The texts of a list by commas, or of a JSON list, in which a text may hold a comma. */
function separated(name: string, text: string): unknown[] {
  if (!text.startsWith('[')) return text.split(',');
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    throw new BadRequestError(
      `${name} begins with [ and is not a JSON list. Send texts separated by commas, or a JSON list such as ["a,b","c"].`,
      { details: { member: name } },
    );
  }
}

const WHOLE = /^-?\d{1,16}$/;
const NUMBER = /^-?\d{1,16}(\.\d{1,16})?$/;
const FLAGS = new Map<string, boolean>([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** The value of a text of a query; the text itself if it is not one of this type, which the check then refuses. */
function convert(text: string, type: string | undefined): unknown {
  if (type === 'integer') return WHOLE.test(text) ? Number(text) : text;
  if (type === 'number') return NUMBER.test(text) ? Number(text) : text;
  if (type === 'boolean') return FLAGS.get(text) ?? text;
  return text;
}
