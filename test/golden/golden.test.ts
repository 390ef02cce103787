/**
 * Events as they were written when their version shipped: `events/<type>.jsonl`, one event a line. A file here
 * never changes. Every later version must decode its events, and fold them into every projection.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createCodec } from '../../src/bus/event/codec.ts';
import { streamSeq } from '../../src/bus/event/ids.ts';
import { eventSchemas } from '../../src/bus/event/json-schema.ts';
import { eventSubject } from '../../src/bus/event/subject.ts';
import { EVENT_DATA, parseType } from '../../src/bus/event/types.ts';
import { openStore } from '../../src/bus/projection/store.ts';
import { check } from '../../src/cli/verbs/schema.ts';
import { completeConfig } from '../../src/config/load.ts';
import { definitionsOf } from '../support/definitions.ts';
import { tempDir } from '../support/tempdir.ts';

const FOLDER = new URL('./events/', import.meta.url);
const DECLARED = 'user.x_declared.v1';
const codec = createCodec({ declared: ['x_declared'] });
const config = completeConfig({ events: { declared: ['x_declared'] } });

const types = readdirSync(FOLDER).map((name) => name.replace(/\.jsonl$/, ''));

const messagesOf = (type: string) =>
  readFileSync(new URL(`${type}.jsonl`, FOLDER), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line, i) => {
      const { context, verb } = parseType(type) ?? { context: 'user' as const, verb: '' };
      const { subject } = JSON.parse(line) as { subject: string };
      const timestamp = Date.UTC(2026, 11, 1);
      return {
        seq: streamSeq(i + 1),
        subject: eventSubject(context, subject, verb),
        payload: Buffer.from(line),
        timestamp,
      };
    });

describe('the corpus of events', () => {
  it('has a file for every type and version', () => {
    for (const type of [...Object.keys(EVENT_DATA), DECLARED]) expect(types).toContain(type);
  });

  it.each(types)('decodes every %s that was ever written', (type) => {
    for (const message of messagesOf(type))
      expect(codec.decode(message)).toMatchObject({ kind: 'event', event: { verb: parseType(type)?.verb } });
  });

  it.each(Object.entries(definitionsOf(config)))(
    'folds into the projection of %s without a dead letter',
    (_service, definition) => {
      const store = openStore({ file: `${tempDir('golden')}/p.sqlite`, definition: definition(), codec });
      const all = types.sort().flatMap(messagesOf);
      const messages = all.map((message, i) => {
        const event = JSON.parse(Buffer.from(message.payload).toString('utf8')) as object;
        // Ids are unique within a file only.
        return {
          ...message,
          seq: streamSeq(i + 1),
          payload: Buffer.from(JSON.stringify({ ...event, source: `golden-${i}` })),
        };
      });
      expect(store.commit(messages, 'now')).toMatchObject({ deadLetters: [], unknownTypes: [], duplicates: 0 });
      store.close();
    },
  );
});

describe('the published schemas', () => {
  it('accept the events that they accepted, and exist for each type', () => {
    expect(check(fileURLToPath(new URL('./schemas/', import.meta.url)))).toEqual({
      compatible: true,
      unpublished: [],
      refusals: [],
    });
  });

  it('are compared with the published ones: a removed type and a smaller limit are found', () => {
    const folder = tempDir('schemas');
    const [type, schema] = [...eventSchemas()][0] as [string, object];
    writeFileSync(join(folder, `${type}.json`), JSON.stringify({ ...schema, maxProperties: 1_000 }));
    writeFileSync(join(folder, 'user.gone.v1.json'), JSON.stringify(schema));
    const { compatible, refusals } = check(folder);
    expect(compatible).toBe(false);
    expect(refusals.map((one) => one.type)).toEqual(['user.gone.v1']);
    writeFileSync(join(folder, `${type}.json`), JSON.stringify({ ...schema, required: [] }));
    expect(
      check(folder)
        .refusals.map((one) => one.type)
        .sort(),
    ).toEqual(['user.gone.v1', ...Array(6).fill(type)].sort());
  });
});
