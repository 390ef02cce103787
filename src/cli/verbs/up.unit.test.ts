import { expect, test } from 'vitest';
import { readyText } from './up.ts';

const ready = { http: 'http://127.0.0.1:8080', nats: 'nats://127.0.0.1:4222', data: '/d', folder: undefined };

test('with demo data the hints name a reader and a book of the demo', () => {
  const text = readyText({ ...ready, demo: true });
  expect(text).toContain('npx freshet recommend reader-1');
  expect(text).toContain('npx freshet similar shelley-frankenstein');
  expect(text).not.toContain('--data');
});

test('without demo data they name no reader of the demo, and say how to import', () => {
  const text = readyText({ ...ready, demo: false });
  expect(text).not.toMatch(/reader-1|shelley/);
  expect(text).toContain('npx freshet import PATH');
  expect(text).toContain('/v1/trending');
});

test.each([
  ['my-data', '--data my-data'],
  ["Ann's data", "--data 'Ann'\\''s data'"],
])('with the data folder %s each command names it', (folder, shown) => {
  const commands = readyText({ ...ready, folder, demo: true })
    .split('\n')
    .filter((line) => line.includes('npx freshet'));
  expect(commands).toHaveLength(3);
  for (const command of commands) expect(command).toContain(shown);
});
