import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTimestamp } from './time.ts';

describe('a time stamp', () => {
  it.each([
    ['2026-11-23T10:00:00Z', Date.UTC(2026, 10, 23, 10)],
    ['2026-11-23t10:00:00z', Date.UTC(2026, 10, 23, 10)],
    ['2026-11-23T10:00:00.5Z', Date.UTC(2026, 10, 23, 10, 0, 0, 500)],
    ['2026-11-23T10:00:00.123456789Z', Date.UTC(2026, 10, 23, 10, 0, 0, 123)],
    ['2026-11-23T10:00:00.9999Z', Date.UTC(2026, 10, 23, 10, 0, 0, 999)],
    ['2026-11-23T10:00:00+01:00', Date.UTC(2026, 10, 23, 9)],
    ['2026-11-23T10:00:00-05:30', Date.UTC(2026, 10, 23, 15, 30)],
    ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['1969-12-31T23:59:59Z', -1_000],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['2026-11-23T00:30:00+01:00', Date.UTC(2026, 10, 22, 23, 30)],
    ['2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['2016-12-31T23:59:60.000Z', Date.UTC(2017, 0, 1)],
    ['2016-12-31T23:59:60.250Z', Date.UTC(2017, 0, 1, 0, 0, 0, 250)],
    ['2016-12-31T23:59:60.25Z', Date.UTC(2017, 0, 1, 0, 0, 0, 250)],
    ['1990-12-31T15:59:60-08:00', Date.UTC(1991, 0, 1)],
    ['2017-01-01T00:59:60+01:00', Date.UTC(2017, 0, 1)],
    ['2017-01-01T05:29:60+05:30', Date.UTC(2017, 0, 1)],
  ])('%s is read', (text, ms) => {
    expect(parseTimestamp(text)).toBe(ms);
  });

  it.each([
    '2026-11-23',
    '2026-11-23T10:00:00',
    '2026-11-23 10:00:00Z',
    '2026-11-23T10:00Z',
    '2026-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '1900-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-13-01T10:00:00Z',
    '2026-00-01T10:00:00Z',
    '2026-11-00T10:00:00Z',
    '2026-11-23T24:00:00Z',
    '2026-11-23T10:60:00Z',
    '2026-11-23T10:00:61Z',
    '2026-11-23T10:00:60Z',
    '2026-11-23T10:00:60.000Z',
    '2026-11-23T23:58:60.000Z',
    '2026-11-23T22:59:60.000Z',
    '2026-11-23T23:59:61.000Z',
    '2026-11-23T23:59:61Z',
    '2026-11-23T23:59:60+01:00',
    '2026-11-23T15:59:60+08:00',
    '2026-11-23T10:00:00.Z',
    '2026-11-23T10:00:00+24:00',
    '2026-11-23T10:00:00+01:60',
    '2026-11-23T10:00:00+0100',
    ' 2026-11-23T10:00:00Z',
    '+02026-11-23T10:00:00Z',
    '1700000000000',
    '',
  ])('%j is refused', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  it('is read or refused alike with milliseconds, without them and in another zone', () => {
    const two = (n: number): string => String(n).padStart(2, '0');
    const upTo = (max: number, ...edges: number[]) => fc.oneof(fc.constantFrom(...edges), fc.nat({ max }));
    const clock = fc.tuple(upTo(25, 22, 23, 24), upTo(61, 58, 59, 60), upTo(62, 59, 60, 61));
    fc.assert(
      fc.property(clock, ([hour, minute, second]) => {
        const text = `2016-12-31T${two(hour)}:${two(minute)}:${two(second)}`;
        const read = parseTimestamp(`${text}.000Z`);
        expect(parseTimestamp(`${text}Z`)).toBe(read);
        expect(parseTimestamp(`${text}-00:00`)).toBe(read);
      }),
    );
  });

  it('that Date writes is read as the same time', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('0000-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59.999Z'),
          noInvalidDate: true,
        }),
        (date) => {
          expect(parseTimestamp(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});
