import { expect, test } from 'vitest';
import { namesZone, parseDate, parsePublished, type TimeUnit, timeReader } from './units.ts';
import { zoneOf } from './zone.ts';

test('dates without a zone are UTC', () => {
  const noon = Date.UTC(2026, 10, 23, 12);
  for (const text of [
    '2026-11-23T12:00:00Z',
    '2026-11-23T12:00:00.000+00:00',
    '2026-11-23 12:00:00',
    '2026-11-23 12:00',
    '2026-11-23 12:00:00 UTC',
    '2026-11-23T13:30:00+01:30',
    '2026-11-23T07:00:00-0500',
    '2026-11-23 13:00:00+01',
  ]) {
    expect(parseDate(text), text).toBe(noon);
  }
  expect(parseDate('2026-11-23')).toBe(Date.UTC(2026, 10, 23));
  expect(parseDate('2026-11-23T12:00:00.123456789Z')).toBe(noon + 123);
  expect(parseDate('0099-01-01T00:00:00Z')).toBe(new Date('0099-01-01T00:00:00Z').getTime());
});

test('a leap second is the second after it', () => {
  for (const text of ['2016-12-31T23:59:60Z', '2016-12-31 15:59:60-0800', '2017-01-01T00:59:60.0+01:00'])
    expect(parseDate(text), text).toBe(Date.UTC(2017, 0, 1));
  for (const text of ['2016-12-31T10:00:60Z', '2016-12-31T23:59:60+01:00', '2016-12-31T23:59:61Z'])
    expect(parseDate(text), text).toBeUndefined();
});

test('days and hours that do not exist are not dates', () => {
  for (const text of [
    '2026-02-30',
    '2026-13-01',
    '2026-00-01',
    '2026-11-23T24:00:00Z',
    '2026-11-23T10:60:00Z',
    '1',
    '',
  ]) {
    expect(parseDate(text), text).toBeUndefined();
  }
});

test('times beyond the year 9999 cannot be written and are refused', () => {
  expect(timeReader('s')('881250949')).toBe(881250949000);
  expect(timeReader('s')('881250949.5')).toBe(881250949500);
  expect(timeReader('ms')('-1')).toBe(-1);
  expect(timeReader('s')('1e15')).toBeUndefined();
  expect(timeReader('s')('-99999999999')).toBeUndefined();
});

test('years and dates of publication become times', () => {
  expect(parsePublished('1995')).toBe('1995-01-01T00:00:00.000Z');
  expect(parsePublished('05-Mar-1995')).toBe('1995-03-05T00:00:00.000Z');
  expect(parsePublished('1813-01-28')).toBe('1813-01-28T00:00:00.000Z');
  expect(['', 'V', 'unkonwn', '0000', '31-Foo-1995'].map((text) => parsePublished(text))).toEqual(
    Array(5).fill(undefined),
  );
});

test('each form is read as its words say', () => {
  const at = (unit: TimeUnit, text: string) => {
    const time = timeReader(unit)(text);
    return time === undefined ? undefined : new Date(time).toISOString().replace('.000Z', 'Z');
  };
  const moment = '2020-07-05T08:30:15Z';
  expect(at('us', '1593937815000999')).toBe('2020-07-05T08:30:15.001Z');
  expect(at('ns', '1593937815000000000')).toBe(moment);
  expect(at('YYYYMMDD', '20200705')).toBe('2020-07-05T00:00:00Z');
  expect(at('YYYYMMDD', '202007050830')).toBe('2020-07-05T08:30:00Z');
  expect(at('YYYYMMDD', '20200705083015')).toBe(moment);
  expect(at('YYYYMM', '202007')).toBe('2020-07-01T00:00:00Z');
  expect(at('excel', '44017.5')).toBe('2020-07-05T12:00:00Z');
  expect(at('words', 'Tue Apr 03 18:00:09 +0000 2012')).toBe('2012-04-03T18:00:09Z');
  expect(at('words', 'Sun Jul  5 08:30:15 2020')).toBe(moment);
  expect(at('words', 'Sun, 05 Jul 2020 10:30:15 +0200')).toBe(moment);
  expect(at('DD.MM.YYYY', '05.07.2020 08:30:15')).toBe(moment);
  expect(at('YYYY/MM/DD', '2020/07/05 08:30:15')).toBe(moment);
  expect(at('MM/DD/YYYY', '7/5/2020 8:30:15 AM')).toBe(moment);
  expect(at('MM/DD/YYYY', '07/05/2020 12:05 am')).toBe('2020-07-05T00:05:00Z');
  expect(at('MM/DD/YYYY', '07/05/2020 12:05 PM')).toBe('2020-07-05T12:05:00Z');
  expect(at('DD/MM/YYYY', '5/7/2020 08:30:15')).toBe(moment);
  for (const [unit, text] of [
    ['YYYYMMDD', '20201305'],
    ['YYYYMMDD', '2020070525'],
    ['MM/DD/YYYY', '13/05/2020'],
    ['MM/DD/YYYY', '07/05/2020 13:00 PM'],
    ['DD.MM.YYYY', '31.02.2020'],
    ['words', 'Sun Foo 05 08:30:15 2020'],
    ['iso', '05.07.2020'],
  ] as const)
    expect(at(unit, text), text).toBeUndefined();
});

test('a time without a zone is read in the named zone, also around a change of the clocks', () => {
  const read = timeReader('iso', zoneOf('Europe/Berlin'));
  const at = (text: string) => new Date(read(text) ?? Number.NaN).toISOString();
  expect(at('2020-01-05 08:30:00')).toBe('2020-01-05T07:30:00.000Z');
  expect(at('2020-07-05 08:30:00')).toBe('2020-07-05T06:30:00.000Z');
  expect(at('2020-07-05T08:30:00Z')).toBe('2020-07-05T08:30:00.000Z');
  // 2:30 does not exist on the first day, and comes twice on the second.
  expect(at('2020-03-29 02:30')).toBe('2020-03-29T01:30:00.000Z');
  expect(at('2020-10-25 02:30')).toBe('2020-10-25T00:30:00.000Z');
  expect(at('2020-10-25 03:30')).toBe('2020-10-25T02:30:00.000Z');
  expect(timeReader('YYYYMMDD', zoneOf('+02:00'))('20200705')).toBe(Date.UTC(2020, 6, 4, 22));
  expect(timeReader('s', zoneOf('Europe/Berlin'))('1593937815')).toBe(1593937815000);
  expect(() => zoneOf('Middle/Earth')).toThrow('does not know the time zone "Middle/Earth"');
});

test('a time names its zone or does not', () => {
  const zoned = [
    '2020-07-05T08:30:15Z',
    '2020-07-05 08:30:15+02',
    '2020-07-05T08:30:15.123-0500',
    '2020-07-05 08:30:15 UTC',
  ];
  const words = ['Tue Apr 03 18:00:09 +0000 2012', 'Sun, 05 Jul 2020 08:30:15 GMT', 'Sun Jul 05 08:30:15 UTC 2020'];
  for (const text of [...zoned, ...words]) expect(namesZone(text), text).toBe(true);
  for (const text of [
    '2020-07-05',
    '13-04-2020',
    '2020-07-05 08:30:15',
    '20200705',
    '7/5/2020 8:30 AM',
    'Sun Jul 05 08:30:15 2020',
  ])
    expect(namesZone(text), text).toBe(false);
});
