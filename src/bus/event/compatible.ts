/**
 * Whether a schema still accepts every event that its published form accepts. The log keeps events for ever, so a
 * published schema may only become wider. A change counts as a refusal unless this check can see that it is wider.
 */
import type { JsonSchema } from './json-schema.ts';

/** A change, and where: `data.properties.item.maxLength`. */
export interface SchemaChange {
  path: string;
  what: string;
}

/** Keywords that do not decide which events a schema accepts. */
const PROSE: ReadonlySet<string> = new Set(['$schema', '$id', 'title', 'description', 'default', 'examples']);
/** Limits that may only grow, and those that may only shrink. */
const UPPER: ReadonlySet<string> = new Set(['maxLength', 'maxItems', 'maximum', 'maxProperties', 'exclusiveMaximum']);
const LOWER: ReadonlySet<string> = new Set(['minLength', 'minItems', 'minimum', 'minProperties', 'exclusiveMinimum']);

/** The changes by which `after` refuses events that `before` accepts; empty if it accepts all of them. */
export function refusals(before: JsonSchema, after: JsonSchema, path = 'event'): SchemaChange[] {
  const changes: SchemaChange[] = [];
  const words = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((word) => !PROSE.has(word)).sort();
  for (const word of words) {
    const [was, is] = [before[word], after[word]];
    if (JSON.stringify(sorted(was)) === JSON.stringify(sorted(is))) continue;
    changes.push(...wordRefusals(word, was, is, path));
  }
  return changes;
}

function wordRefusals(word: string, was: unknown, is: unknown, path: string): SchemaChange[] {
  const at = `${path}.${word}`;
  if (word === 'properties') return propertyRefusals(was, is, path);
  if (word === 'items' && isSchema(was) && isSchema(is)) return refusals(was, is, at);
  if (word === 'patternProperties' && isSchema(was) && isSchema(is)) return patternRefusals(was, is, at);
  if (word === 'required') {
    const fresh = list(is).filter((name) => !list(was).includes(name));
    return fresh.map((name) => ({ path: at, what: `now requires ${name}` }));
  }
  if (word === 'anyOf' || word === 'enum') {
    const kept = new Set(list(is).map((one) => JSON.stringify(sorted(one))));
    const gone = list(was).filter((one) => !kept.has(JSON.stringify(sorted(one))));
    if (was === undefined) return [{ path: at, what: 'is new' }];
    return gone.map((one) => ({ path: at, what: `no longer accepts ${JSON.stringify(one).slice(0, 80)}` }));
  }
  // A removed limit refuses nothing.
  if (is === undefined && (UPPER.has(word) || LOWER.has(word) || word === 'pattern' || word === 'format')) return [];
  if (UPPER.has(word) && typeof was === 'number' && (is as number) > was) return [];
  if (LOWER.has(word) && typeof was === 'number' && (is as number) < was) return [];
  return [{ path: at, what: `was ${shown(was)}, is ${shown(is)}` }];
}

function propertyRefusals(was: unknown, is: unknown, path: string): SchemaChange[] {
  const [before, after] = [(was ?? {}) as Record<string, JsonSchema>, (is ?? {}) as Record<string, JsonSchema>];
  const changes: SchemaChange[] = [];
  for (const [name, schema] of Object.entries(before)) {
    const now = after[name];
    if (now) changes.push(...refusals(schema, now, `${path}.${name}`));
    else changes.push({ path: `${path}.${name}`, what: 'is removed: published values of it have no meaning' });
  }
  for (const [name, schema] of Object.entries(after)) {
    const words = Object.keys(schema).filter((word) => !PROSE.has(word));
    // The published schema accepts any value in a member that it does not declare.
    if (!(name in before) && words.length > 0)
      changes.push({
        path: `${path}.${name}`,
        what: 'is new: published events may hold a value of another kind in it',
      });
  }
  return changes;
}

function patternRefusals(was: JsonSchema, is: JsonSchema, path: string): SchemaChange[] {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.flatMap((name) => {
    const [before, after] = [was[name], is[name]];
    if (isSchema(before) && isSchema(after)) return refusals(before, after, `${path}.${name}`);
    return [{ path: `${path}.${name}`, what: `was ${shown(before)}, is ${shown(after)}` }];
  });
}

const isSchema = (value: unknown): value is JsonSchema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const shown = (value: unknown): string => (value === undefined ? 'not there' : JSON.stringify(value).slice(0, 80));

/** The schema without prose and with its members in order, so that equal schemas have equal texts. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isSchema(value)) return value;
  const members = Object.entries(value).filter(([word, inner]) => !(PROSE.has(word) && typeof inner === 'string'));
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, inner]) => [word, sorted(inner)]));
}
