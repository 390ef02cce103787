import { expect, test } from 'vitest';
import { guessTimeUnit, parseDate, parseNumber, parsePublished, parseTime } from './values.ts';

test('numbers are finite decimals and nothing else', () => {
  expect(['3', '-0.5', '.5', '1e3', '4.'].map(parseNumber)).toEqual([3, -0.5, 0.5, 1000, 4]);
  expect(['', ' ', 'NaN', 'Infinity', '0x10', '1,5', '1e999', 'null'].map(parseNumber)).toEqual(
    Array(8).fill(undefined),
  );
});

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
  expect(parseTime('881250949', 's')).toBe(881250949000);
  expect(parseTime('881250949.5', 's')).toBe(881250949500);
  expect(parseTime('-1', 'ms')).toBe(-1);
  expect(parseTime('1e15', 's')).toBeUndefined();
  expect(parseTime('-99999999999', 's')).toBeUndefined();
});

test('the unit of times is that of most samples', () => {
  expect(guessTimeUnit(['x', '881250949', '881250950'])).toBe('s');
  expect(guessTimeUnit(['1700000000000'])).toBe('ms');
  expect(guessTimeUnit(['2026-11-23', '17', '2026-11-24'])).toBe('iso');
  expect(guessTimeUnit(['', 'soon'])).toBeUndefined();
});

test('years and dates of publication become times', () => {
  expect(parsePublished('1995')).toBe('1995-01-01T00:00:00.000Z');
  expect(parsePublished('05-Mar-1995')).toBe('1995-03-05T00:00:00.000Z');
  expect(parsePublished('1813-01-28')).toBe('1813-01-28T00:00:00.000Z');
  expect(['', 'V', 'unkonwn', '0000', '31-Foo-1995'].map(parsePublished)).toEqual(Array(5).fill(undefined));
});
