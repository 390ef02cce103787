import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCodec, type Decoded, type LoggedEvent } from './codec.ts';
import { streamSeq } from './ids.ts';
import { eventSubject } from './subject.ts';

const codec = createCodec({ declared: ['x_listened'], maxEventBytes: 2_000 });

const good = {
  specversion: '1.0',
  id: 'e1',
  type: 'user.viewed.v1',
  source: 'shop-web',
  subject: 'u42',
  time: '2026-11-23T10:00:00.000Z',
  datacontenttype: 'application/json',
  data: { item: 'i7' },
};
const SUBJECT = 'ev.user.u42.viewed';

const decode = (payload: unknown, subject = SUBJECT): Decoded =>
  codec.decode({
    seq: streamSeq(7),
    subject,
    payload:
      payload instanceof Uint8Array
        ? payload
        : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
    timestamp: 1_800_000_000_000,
  });

function decoded(payload: unknown, subject?: string): LoggedEvent {
  const result = decode(payload, subject);
  if (result.kind !== 'event') throw new Error(JSON.stringify(result));
  return result.event;
}

const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

describe('decoding', () => {
  it('returns an event with its position, identity and times', () => {
    expect(decoded(good)).toMatchObject({
      seq: 7,
      identity: 'shop-web/e1',
      type: 'user.viewed.v1',
      context: 'user',
      verb: 'viewed',
      subject: 'u42',
      time: Date.UTC(2026, 10, 23, 10),
      timestamp: 1_800_000_000_000,
      data: { item: 'i7' },
    });
  });

  it('uses the log’s time for an event without one', () => {
    const { time: _none, ...timeless } = good;
    expect(decoded(timeless).time).toBe(1_800_000_000_000);
  });

  it('reads a leap second, also in the data, as the second after it', () => {
    const leap = { ...good, time: '2016-12-31T23:59:60Z' };
    expect(decoded(leap).time).toBe(Date.UTC(2017, 0, 1));
    expect(codec.prepare(leap).ok).toBe(true);
    const item = { ...good, type: 'content.published.v1', subject: 'i7', data: { title: 'A', published: leap.time } };
    expect(decode(item, 'ev.content.i7.published').kind).toBe('event');
    expect(codec.prepare({ ...leap, time: '2016-12-31T23:58:60Z' }).ok).toBe(false);
  });

  it('recovers the id from the subject, whatever its characters', () => {
    const subject = 'a.b *>😀';
    expect(decoded({ ...good, subject }, eventSubject('user', subject, 'viewed')).subject).toBe(subject);
  });

  it('reads an interaction that the configuration declares', () => {
    expect(decoded({ ...good, type: 'user.x_listened.v1' }, 'ev.user.u42.x_listened')).toMatchObject({
      verb: 'x_listened',
    });
  });

  it.each([
    ['an undeclared type', 'user.x_undeclared.v1'],
    ['an unknown verb', 'user.sneezed.v1'],
    ['another application’s type', 'com.example.thing'],
  ])('skips %s', (_what, type) => {
    expect(decode({ ...good, type })).toEqual({ kind: 'unknown-type', type });
  });

  it.each([
    ['FRESHET_EVENT_MALFORMED', 'nothing at all', Buffer.alloc(0), undefined],
    ['FRESHET_EVENT_MALFORMED', 'no JSON', '{"specversion":', undefined],
    ['FRESHET_EVENT_MALFORMED', 'no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), undefined],
    ['FRESHET_EVENT_MALFORMED', 'a list', '[]', undefined],
    ['FRESHET_EVENT_MALFORMED', 'null', 'null', undefined],
    [
      'FRESHET_EVENT_MALFORMED',
      'data that is nested too deep',
      JSON.stringify(good).replace('"i7"', `"i7","context":{"a":${nested(40)}}`),
      undefined,
    ],
    [
      'FRESHET_EVENT_MALFORMED',
      'a lone surrogate in its data',
      JSON.stringify(good).replace('i7"', 'i7","context":{"a":"\\ud800"}').replace('}"}', '}}'),
      undefined,
    ],
    [
      'FRESHET_EVENT_MALFORMED',
      '__proto__ in its data',
      JSON.stringify(good).replace('"i7"', '"i7","context":{"__proto__":{}}'),
      undefined,
    ],
    [
      'FRESHET_EVENT_MALFORMED',
      'a number beyond all numbers',
      JSON.stringify(good).replace('"i7"', '"i7","value":1e999'),
      undefined,
    ],
    ['FRESHET_EVENT_ENVELOPE', 'no specversion', { ...good, specversion: undefined }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'another specversion', { ...good, specversion: '0.3' }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'no type', { ...good, type: undefined }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'a type without end', { ...good, type: 'x'.repeat(300) }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'another content type', { ...good, datacontenttype: 'text/xml' }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'a time that is none', { ...good, time: 'yesterday' }, undefined],
    ['FRESHET_EVENT_ENVELOPE', 'a time in numbers', { ...good, time: 1_700_000_000 }, undefined],
    ['FRESHET_EVENT_ID_INVALID', 'no id', { ...good, id: undefined }, undefined],
    ['FRESHET_EVENT_ID_INVALID', 'an empty source', { ...good, source: '' }, undefined],
    ['FRESHET_EVENT_ID_INVALID', 'a subject with a line break', { ...good, subject: 'u\n' }, undefined],
    ['FRESHET_EVENT_ID_INVALID', 'an item that is not normalised', { ...good, data: { item: 'e\u0301' } }, undefined],
    [
      'FRESHET_EVENT_VERSION_UNKNOWN',
      'a version that is not known yet',
      { ...good, type: 'user.viewed.v2' },
      undefined,
    ],
    ['FRESHET_EVENT_SCHEMA', 'no data', { ...good, data: {} }, undefined],
    ['FRESHET_EVENT_SCHEMA', 'a value in letters', { ...good, data: { item: 'i7', value: '5' } }, undefined],
    ['FRESHET_EVENT_SUBJECT_MISMATCH', 'another user’s subject', good, 'ev.user.u43.viewed'],
    ['FRESHET_EVENT_SUBJECT_MISMATCH', 'another verb’s subject', good, 'ev.user.u42.played'],
    ['FRESHET_EVENT_SUBJECT_MISMATCH', 'another context’s subject', good, 'ev.content.u42.viewed'],
    ['FRESHET_EVENT_SUBJECT_MISMATCH', 'a second token for the same id', good, 'ev.user.u=342.viewed'],
    ['FRESHET_EVENT_SUBJECT_MISMATCH', 'a subject with a token more', good, 'ev.user.u42.viewed.x'],
  ])('returns the dead letter %s for an event with %s', (code, _what, payload, subject) => {
    expect(decode(payload, subject)).toMatchObject({ kind: 'dead', problem: { code } });
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(decode(bytes).kind).not.toBe('event');
      }),
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(decode(text).kind).not.toBe('event');
      }),
    );
  });

  it('does not fail on nesting that would exhaust the stack', () => {
    expect(decode(nested(200_000)).kind).toBe('dead');
    expect(decode(`{"a":${nested(200_000)}}`).kind).toBe('dead');
  });

  it('ignores members that are ids only in another type of event', () => {
    const withList = {
      ...good,
      type: 'content.published.v1',
      subject: 'i7',
      data: { title: 'A', list: 5, session: null },
    };
    expect(decode(withList, 'ev.content.i7.published').kind).toBe('event');
  });
});

describe('the fingerprint of an event', () => {
  const print = (event: unknown, subject?: string) => decoded(event, subject).fingerprint;

  it('does not depend on extension attributes or the order of members', () => {
    expect(print({ traceparent: '00-abc', ...good, time: '2026-11-23T11:00:00.000+01:00' })).toBe(print(good));
    expect(print({ ...good, data: { value: 1, item: 'i7' } })).toBe(print({ ...good, data: { item: 'i7', value: 1 } }));
  });

  it.each([
    ['data', { ...good, data: { item: 'i8' } }],
    ['time', { ...good, time: '2026-11-23T10:00:01.000Z' }],
    ['a missing time', { ...good, time: undefined }],
  ])('changes with %s', (_what, other) => {
    expect(print(other)).not.toBe(print(good));
  });

  it('changes with type and subject', () => {
    expect(print({ ...good, type: 'user.played.v1' }, 'ev.user.u42.played')).not.toBe(print(good));
    expect(print({ ...good, subject: 'u43' }, 'ev.user.u43.viewed')).not.toBe(print(good));
  });
});

describe('preparing', () => {
  it('returns subject, identity and one line of JSON that decodes to the same event', () => {
    const result = codec.prepare(good);
    if (!result.ok) throw new Error(result.problem.message);
    expect(result.prepared).toMatchObject({ subject: SUBJECT, identity: 'shop-web/e1' });
    expect(Buffer.from(result.prepared.payload).includes('\n')).toBe(false);
    expect(decoded(result.prepared.payload).data).toEqual({ item: 'i7' });
  });

  it.each([
    ['FRESHET_EVENT_MALFORMED', null],
    ['FRESHET_EVENT_MALFORMED', 'text'],
    ['FRESHET_EVENT_ENVELOPE', { ...good, specversion: '2.0' }],
    ['FRESHET_EVENT_ID_INVALID', { ...good, id: '\u0007' }],
    ['FRESHET_EVENT_TYPE_UNKNOWN', { ...good, type: 'user.x_undeclared.v1' }],
    ['FRESHET_EVENT_VERSION_UNKNOWN', { ...good, type: 'user.viewed.v9' }],
    ['FRESHET_EVENT_SCHEMA', { ...good, data: { item: 7 } }],
    ['FRESHET_EVENT_TOO_LARGE', { ...good, data: { item: 'i7', context: { a: 'x'.repeat(2_000) } } }],
    ['FRESHET_EVENT_CONTROL_REFUSED', { ...good, type: 'control.promoted.v1', data: { snapshot: 's', config: 'c' } }],
  ])('refuses with %s', (code, event) => {
    expect(codec.prepare(event)).toMatchObject({ ok: false, problem: { code } });
  });

  it('lets Freshet itself write control events', () => {
    const event = { ...good, type: 'control.promoted.v1', data: { snapshot: 's', config: 'c' } };
    expect(codec.prepare(event, { control: true })).toMatchObject({
      ok: true,
      prepared: { subject: 'ev.control.u42.promoted' },
    });
  });

  it('accepts a payload of the maximum size', () => {
    const room = 2_000 - Buffer.byteLength(JSON.stringify({ ...good, data: { item: 'i7', context: { a: '' } } }));
    const filled = (n: number) => ({ ...good, data: { item: 'i7', context: { a: 'x'.repeat(n) } } });
    expect(codec.prepare(filled(room)).ok).toBe(true);
    expect(codec.prepare(filled(room + 1)).ok).toBe(false);
  });

  it('refuses deeply nested extension attributes, and does not fail', () => {
    const deep = JSON.parse(`{"a":${nested(200_000)}}`) as Record<string, unknown>;
    expect(codec.prepare({ ...good, ...deep })).toMatchObject({ ok: false });
  });

  it('accepts no event that decoding would refuse', () => {
    const anything = fc.record(
      {
        specversion: fc.constantFrom('1.0', '0.3'),
        id: fc.string({ unit: 'binary', maxLength: 5 }),
        source: fc.string({ unit: 'binary', maxLength: 5 }),
        subject: fc.string({ unit: 'binary', maxLength: 5 }),
        type: fc.constantFrom('user.viewed.v1', 'user.registered.v1', 'content.updated.v1', 'feedback.clicked.v1'),
        time: fc.constantFrom('2026-11-23T10:00:00Z', 'x'),
        data: fc.record(
          {
            item: fc.string({ unit: 'binary', maxLength: 3 }),
            traits: fc.dictionary(fc.string(), fc.string()),
            tags: fc.constant(null),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['specversion', 'id', 'source', 'subject', 'type', 'data'] },
    );
    fc.assert(
      fc.property(anything, (event) => {
        const result = codec.prepare(event);
        if (result.ok) expect(decode(result.prepared.payload, result.prepared.subject).kind).toBe('event');
      }),
      { numRuns: 1_000 },
    );
  });
});
