/**
 * One text for each JSON value: members in code-unit order, no white space, numbers and strings as ECMAScript writes
 * them (RFC 8785). Two payloads that say the same have the same text, whatever client wrote them.
 */

/** Levels of objects and arrays inside `data`. */
export const MAX_DEPTH = 32;

/** A value that cannot go into the log: said in words by `message`. */
export class UncanonicalError extends Error {}

/** Canonical text of a JSON value. Throws {@link UncanonicalError} for depth, `__proto__` and lone surrogates. */
export function canonicalJson(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return canonicalString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new UncanonicalError('holds a number that is not finite');
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      break;
    default:
      throw new UncanonicalError(`holds a ${typeof value}, which JSON does not have`);
  }
  if (value === null) return 'null';
  if (depth >= MAX_DEPTH) throw new UncanonicalError(`is nested deeper than ${MAX_DEPTH} levels`);
  let text = '';
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) text += (i > 0 ? ',' : '') + canonicalJson(value[i], depth + 1);
    return `[${text}]`;
  }
  const object = value as Record<string, unknown>;
  const keys = Object.keys(object);
  if (keys.length > 1) keys.sort();
  for (const key of keys) {
    if (key === '__proto__') throw new UncanonicalError('holds a member named __proto__');
    if (object[key] === undefined) continue;
    text += `${text === '' ? '' : ','}${canonicalString(key)}:${canonicalJson(object[key], depth + 1)}`;
  }
  return `{${text}}`;
}

// A lone surrogate has no UTF-8 form: SQLite, the model and a client would each see another text.
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

function canonicalString(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!isWellFormed(text)) throw new UncanonicalError('holds a lone surrogate, which has no UTF-8 form');
  return JSON.stringify(text);
}

function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
