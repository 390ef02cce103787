import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Folder, importing, reasons, temporaryFolder } from '../testing.ts';

let folder: Folder;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

const event = (id: string, time: string | undefined, more: object = {}) => ({
  specversion: '1.0',
  id,
  type: 'user.viewed.v1',
  source: 'shop',
  subject: 'u',
  ...(time === undefined ? {} : { time }),
  data: { item: 'i' },
  ...more,
});
const lines = (...events: unknown[]) => events.map((e) => (typeof e === 'string' ? e : JSON.stringify(e))).join('\n');

test('events are unchanged and in order of time, those without a time last', async () => {
  const first = event('e1', '2026-01-01T00:00:00+01:00', { extra: { a: [1, 'ü'] } });
  const later = event('e2', '2026-01-01T00:00:00Z', { type: 'content.withdrawn.v1', data: {} });
  const now = event('e3', undefined);
  const file = folder.write('events.jsonl', lines(now, later, '', first));
  const { events, plan, rows } = await importing(file);
  expect(plan).toMatchObject({ format: 'jsonl', rows: 3 });
  expect(events).toEqual([first, later, now]);
  expect(rows.map(({ line }) => line)).toEqual([4, 2, 1]);
});

test('a line that is not an event is rejected with line and reason', async () => {
  const time = '2026-01-01T00:00:00Z';
  const file = folder.write(
    'backup',
    lines(
      event('ok', time),
      '{"specversion":"1.0",',
      '[]',
      event('x', time, { specversion: '0.3' }),
      event('', time),
      event('x', time, { subject: undefined }),
      event('x', time, { type: 'user viewed' }),
      event('x', time, { type: 'control.erased.v1' }),
      event('x', time, { data: 'x' }),
      event('x', 'yesterday'),
      event('x', time, { source: 7 }),
    ),
  );
  const imported = await importing(file);
  expect(imported.events).toHaveLength(1);
  expect(reasons(imported)).toEqual([
    '2 FRESHET_EVENT_MALFORMED',
    '3 FRESHET_EVENT_ENVELOPE',
    '4 FRESHET_EVENT_ENVELOPE',
    '5 FRESHET_EVENT_ID_INVALID',
    '6 FRESHET_EVENT_ENVELOPE',
    '7 FRESHET_EVENT_TYPE_UNKNOWN',
    '8 FRESHET_EVENT_CONTROL_REFUSED',
    '9 FRESHET_EVENT_ENVELOPE',
    '10 FRESHET_IMPORT_ROW_TIME',
    '11 FRESHET_EVENT_ENVELOPE',
  ]);
});
