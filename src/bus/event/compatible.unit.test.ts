import { describe, expect, it } from 'vitest';
import { refusals } from './compatible.ts';
import { eventSchemas, type JsonSchema } from './json-schema.ts';

const schema = (data: JsonSchema): JsonSchema => ({
  type: 'object',
  required: ['item'],
  properties: { item: { type: 'string', minLength: 1, maxLength: 128 }, ...data },
});
const before = schema({
  tags: { type: 'array', maxItems: 5, items: { type: 'string' } },
  kind: { anyOf: [{ type: 'string' }, { type: 'number' }] },
  hmac: { type: 'string', pattern: '^a' },
});

describe('a published schema', () => {
  it('is compatible with itself, also with other descriptions', () => {
    for (const published of eventSchemas().values())
      expect(refusals(published, { ...published, description: 'better said' })).toEqual([]);
  });

  it.each<[string, JsonSchema]>([
    [
      'a larger limit',
      {
        ...before,
        properties: {
          ...(before.properties as object),
          tags: { type: 'array', maxItems: 9, items: { type: 'string' } },
        },
      },
    ],
    ['a limit less', { ...before, properties: { ...(before.properties as object), hmac: { type: 'string' } } }],
    [
      'one more alternative',
      {
        ...before,
        properties: {
          ...(before.properties as object),
          kind: { anyOf: [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }] },
        },
      },
    ],
    ['less that is required', { ...before, required: [] }],
    [
      'a new member of any value',
      { ...before, properties: { ...(before.properties as object), more: { description: 'anything' } } },
    ],
  ])('may have %s', (_what, after) => {
    expect(refusals(before, after)).toEqual([]);
  });

  it.each<[string, JsonSchema, string]>([
    [
      'a smaller limit',
      { properties: { tags: { type: 'array', maxItems: 4, items: { type: 'string' } } } },
      'event.tags.maxItems',
    ],
    [
      'a new limit',
      { properties: { tags: { type: 'array', maxItems: 5, minItems: 1, items: { type: 'string' } } } },
      'event.tags.minItems',
    ],
    ['another kind of value', { properties: { hmac: { type: 'number', pattern: '^a' } } }, 'event.hmac.type'],
    [
      'other items',
      { properties: { tags: { type: 'array', maxItems: 5, items: { type: 'number' } } } },
      'event.tags.items.type',
    ],
    ['an alternative less', { properties: { kind: { anyOf: [{ type: 'string' }] } } }, 'event.kind.anyOf'],
    ['another pattern', { properties: { hmac: { type: 'string', pattern: '^b' } } }, 'event.hmac.pattern'],
    ['more that is required', { required: ['item', 'tags'] }, 'event.required'],
    ['a member of a kind, which events may hold already', { properties: { fresh: { type: 'string' } } }, 'event.fresh'],
    ['no other members', { additionalProperties: false }, 'event.additionalProperties'],
  ])('may not have %s', (_what, change, path) => {
    const properties = { ...(before.properties as object), ...((change.properties as object) ?? {}) };
    expect(refusals(before, { ...before, ...change, properties }).map((one) => one.path)).toEqual([path]);
  });

  it('may not lose a member', () => {
    expect(refusals(before, schema({}))).toHaveLength(3);
  });
});
