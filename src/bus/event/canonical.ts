/**
 * One text for each JSON value: members in code-unit order, no white space, numbers and strings as ECMAScript writes
 * them (RFC 8785). Two payloads with the same content have the same text, whichever client wrote them.
 */

/** Levels of objects and arrays inside `data`. */
export const MAX_DEPTH = 32;

/** A value that the log cannot hold. `message` gives the reason; it becomes a part of a dead letter's row. */
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

/**
 * A hash of 53 bits, a whole number: two lanes of multiply-and-xor with the finalizer of MurmurHash3 (Appleby, public
 * domain). It distinguishes contents of one identity, which a publisher gains nothing by forging; SHA-256 would take a tenth of
 * the time for an event.
 */
export function hash53(text: string): number {
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x9e3779b1);
    b = Math.imul(b ^ unit, 0x5f356495);
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return (b & 0x1fffff) * 0x100000000 + (a >>> 0);
}
