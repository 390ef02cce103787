/** The schemas that others are given take what the log takes, and refuse what it refuses. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/setup.mjs';
import { createCodec } from '../../src/bus/event/codec.ts';
import { DECLARED_TYPE, DIALECT, type JsonSchema } from '../../src/bus/event/json-schema.ts';
import { EVENT_DATA } from '../../src/bus/event/types.ts';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const json = (path: string): JsonSchema => JSON.parse(read(path)) as JsonSchema;
const files = readdirSync(join(ROOT, 'docs/reference/schemas'));
const schemaOf = (type: string): JsonSchema => json(`docs/reference/schemas/${type}.json`);
const codec = createCodec({ declared: ['x_declared'] });

/** Events as they were written when their version shipped. */
const corpus = (type: string): Record<string, unknown>[] =>
  read(`test/golden/events/${type}.jsonl`)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const types = [...Object.keys(EVENT_DATA), DECLARED_TYPE];

it('there is exactly one file for each type of event', () => {
  expect(files.sort()).toEqual(types.map((type) => `${type}.json`).sort());
});

describe.each(types)('the schema of %s', (type) => {
  const schema = schemaOf(type);
  const validator = Compile(schema as never) as { Check(value: unknown): boolean };

  it('has its dialect and name', () => {
    expect(schema).toMatchObject({ $schema: DIALECT, $id: `${type}.json`, type: 'object' });
  });

  it('accepts every event of the type in the corpus, also with unknown members', () => {
    for (const event of corpus(type)) {
      expect(validator.Check(event), JSON.stringify(event)).toBe(true);
      expect(validator.Check({ ...event, traceparent: '00-1-2-00' })).toBe(true);
    }
  });

  it('refuses events that the log refuses', () => {
    const [event = {}] = corpus(type);
    const control = type.startsWith('control.');
    for (const broken of [
      { ...event, specversion: '0.3' },
      { ...event, id: '' },
      { ...event, source: undefined },
      { ...event, subject: 'x'.repeat(129) },
      { ...event, data: 'text' },
      { ...event, data: undefined },
      { ...event, datacontenttype: 'text/plain' },
    ]) {
      const written = JSON.parse(JSON.stringify(broken)) as unknown;
      expect(validator.Check(written), JSON.stringify(written).slice(0, 200)).toBe(false);
      expect(codec.prepare(written, { control }).ok).toBe(false);
    }
  });

  it('refuses events of other types', () => {
    const [event] = corpus(type === 'user.viewed.v1' ? 'user.rated.v1' : 'user.viewed.v1');
    expect(validator.Check(event)).toBe(false);
  });
});

describe('the AsyncAPI document', () => {
  const document = json('docs/reference/asyncapi.json');
  const channels = document.channels as Record<string, { address: string | null; parameters?: object }>;
  const operations = document.operations as Record<string, { action: string; channel: { $ref: string } }>;

  it('has version 3, a title and a description', () => {
    expect(document).toMatchObject({ asyncapi: '3.0.0', info: { title: 'Freshet', license: { name: 'Apache-2.0' } } });
  });

  it('resolves every reference', () => {
    const refs: string[] = [];
    JSON.stringify(document, (key, value: unknown) => {
      if (key === '$ref') refs.push(value as string);
      return value;
    });
    expect(refs.length).toBeGreaterThan(50);
    for (const ref of refs) {
      let at: unknown = document;
      for (const part of ref.slice(2).split('/'))
        at = (at as Record<string, unknown> | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')];
      expect(at, ref).toBeDefined();
    }
  });

  it('describes each parameter of each subject, and no other', () => {
    for (const [name, { address, parameters = {} }] of Object.entries(channels)) {
      const named = [...(address ?? '').matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      expect(Object.keys(parameters), name).toEqual(named);
    }
  });

  it('has a channel and an operation for every type of event, with the schema of its file', () => {
    const schemas = (document.components as { schemas: Record<string, JsonSchema> }).schemas;
    for (const type of types) {
      const [context = '', verb = ''] = type.split('.');
      expect(channels[type]?.address).toMatch(new RegExp(`^ev\\.${context}\\.\\{\\w+\\}\\.(${verb}|\\{verb\\})$`));
      expect(operations[`take.${type}`]?.action).toBe(context === 'control' ? 'send' : 'receive');
      const { $schema: _, $id: __, ...schema } = schemaOf(type);
      expect(schemas[type]).toEqual(schema);
    }
  });

  it('uses valid names of components', () => {
    for (const group of Object.values(document.components as Record<string, object>))
      for (const name of Object.keys(group)) expect(name).toMatch(/^[\w.-]+$/);
  });
});
