import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';
import { guessTime } from './guess.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const NOW = Date.UTC(2026, 10, 30);
const history = (...times: string[]) =>
  folder.write('a.csv', `user_id,item_id,date\n${times.map((time, n) => `u${n},i,${time}`).join('\n')}\n`);
const timesOf = async (times: string[], options = {}) => {
  const { rows, rejected } = await importing(history(...times), { now: NOW, ...options });
  expect(rejected).toEqual([]);
  return rows.sort((a, b) => a.line - b.line).map(({ event }) => event.time?.replace('.000Z', 'Z'));
};
const refusalOf = (times: string[]) =>
  importing(history(...times), { now: NOW }).then(
    ({ events }) => expect.fail(`imported as ${events[0]?.time}`),
    (err: { message: string; next: string }) => `${err.message} Next: ${err.next}`,
  );

test('digits that are calendar dates are dates', async () => {
  expect(await timesOf(['20200705', '20200706', '20191231'])).toEqual([
    '2020-07-05T00:00:00Z',
    '2020-07-06T00:00:00Z',
    '2019-12-31T00:00:00Z',
  ]);
  expect(await timesOf(['202007050830'])).toEqual(['2020-07-05T08:30:00Z']);
  expect(await timesOf(['20200705083015'])).toEqual(['2020-07-05T08:30:15Z']);
});

test('seconds, milliseconds, microseconds and nanoseconds are told apart', async () => {
  for (const zeros of ['', '000', '000000', '000000000'])
    expect(await timesOf([`1593937815${zeros}`])).toEqual(['2020-07-05T08:30:15Z']);
});

test('written forms are recognised', async () => {
  expect(await timesOf(['4/13/2020 8:30 AM', '4/2/2020 8:30 PM'])).toEqual([
    '2020-04-13T08:30:00Z',
    '2020-04-02T20:30:00Z',
  ]);
  expect(await timesOf(['13/04/2020', '02/04/2020'])).toEqual(['2020-04-13T00:00:00Z', '2020-04-02T00:00:00Z']);
  expect(await timesOf(['05.07.2020'])).toEqual(['2020-07-05T00:00:00Z']);
  expect(await timesOf(['2020/07/05'])).toEqual(['2020-07-05T00:00:00Z']);
  expect(await timesOf(['Tue Apr 03 18:00:09 +0000 2012'])).toEqual(['2012-04-03T18:00:09Z']);
});

test('a guess that puts rows before 1990 or into the future is refused, with the settings to choose from', async () => {
  expect(await refusalOf(['43784.37178'])).toMatch(
    /as excel.*--time-unit \(in a map: "timeUnit"\): excel \(days since/,
  );
  expect(await refusalOf(['202007', '202008'])).toMatch(/2020-07-01 as YYYYMM.*--time-unit.*YYYYMM/);
  expect(await refusalOf(['12', '13'])).toContain('--time-unit');
  expect(await refusalOf(['4102444800'])).toContain('2100-01-01 as s');
  expect(await timesOf(['43784.5'], { timeUnit: 'excel' })).toEqual(['2019-11-15T12:00:00Z']);
  expect(await timesOf(['12'], { timeUnit: 's' })).toEqual(['1970-01-01T00:00:12Z']);
});

test('a date in which day and month may change places is refused unless a day or a setting decides', async () => {
  expect(await refusalOf(['03/04/2020', '05/06/2020'])).toMatch(/03\/04\/2020 may have the day first.*MM\/DD\/YYYY/);
  expect(await refusalOf(['13/04/2020', '04/13/2020'])).toContain('in 13/04/2020 the day comes first');
  expect(await timesOf(['03/04/2020'], { timeUnit: 'DD/MM/YYYY' })).toEqual(['2020-04-03T00:00:00Z']);
  const map = { user: 'user_id', item: 'item_id', time: 'date', timeUnit: 'MM/DD/YYYY' as const };
  expect(await timesOf(['03/04/2020'], { map })).toEqual(['2020-03-04T00:00:00Z']);
});

test('single rows outside of the guess are rejected with the setting that takes them', async () => {
  const imported = await importing(history(...Array(30).fill('1593937815'), '0', '20200705'), { now: NOW });
  expect(reasons(imported)).toEqual(['32 FRESHET_IMPORT_ROW_TIME', '33 FRESHET_IMPORT_ROW_TIME']);
  expect(imported.rejected[0]?.message).toBe(
    'the time "0" would be 1970-01-01T00:00:00.000Z; if it is, name the form: --time-unit s',
  );
});

test('a zone is named in the plan, and changes the times that name none', async () => {
  const file = history('2020-07-05 08:30:15', '2020-07-05 08:30:15Z');
  const { plan } = await importing(file);
  expect(plan.files[0]?.said.join()).toContain('times that name no zone are UTC (--timezone names another)');
  expect(await timesOf(['2020-07-05 08:30:15', '2020-07-05 08:30:15Z'], { timezone: 'Europe/Berlin' })).toEqual([
    '2020-07-05T06:30:15Z',
    '2020-07-05T08:30:15Z',
  ]);
  await expect(importing(file, { timezone: 'Middle/Earth' })).rejects.toMatchObject({ code: 'FRESHET_USAGE' });
});

test('records of several lines among the first rows do not change the guess', async () => {
  const rows = Array.from({ length: 50 }, (_, n) => `u${n},i,2026-03-01T10:00:00Z,"a\nb"`);
  const { events, rejected } = await importing(
    folder.write('a.csv', `user_id,item_id,timestamp,note\n${rows.join('\n')}\n`),
  );
  expect(rejected).toEqual([]);
  expect(events.map(({ time }) => time)).toEqual(Array(50).fill('2026-03-01T10:00:00.000Z'));
});

test('without a complete row among the first lines the form is unknown, and not seconds', async () => {
  const text = `user_id,item_id,timestamp\n${'u,i\n'.repeat(40_000)}u,i,1593937815000\n`;
  await expect(importing(folder.write('a.csv', text))).rejects.toMatchObject({
    message: expect.stringContaining('hold no complete row'),
    next: expect.stringContaining('--time-unit'),
  });
  expect(guessTime(['', 'soon'], NOW)).toBeUndefined();
  expect(guessTime(['2026-11-23', '17', '2026-11-24'], NOW)).toEqual({ unit: 'iso' });
});
