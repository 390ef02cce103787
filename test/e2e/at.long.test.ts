/** Every error of the verbs that look back, as an operator gets it on a system that runs. */
import { afterAll, beforeAll, it } from 'vitest';
import { books, reading } from '../support/readers.ts';
import { expectErrors, startSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;

beforeAll(async () => {
  system = await startSystem({ args: ['--no-demo'] });
  await system.publish([...books(), ...reading(60)]);
});
afterAll(() => system?.stop());

it('each verb gives a clear error for an invalid request', async () => {
  await expectErrors(system, [
    [
      ['at', '--time', '1999-01-01T00:00:00Z', 'trending'],
      1,
      /FRESHET_POSITION_UNKNOWN: The log has no event as early/,
    ],
    [['at', '--seq', '20', 'history', 'u1'], 1, /FRESHET_NOT_FOUND: Up to sequence 20:/],
    [['at', '--seq', '20', 'item', 'no-such-item'], 1, /FRESHET_NOT_FOUND: Up to sequence 20:/],
    [['at', '--seq', '99999999999999999999', 'trending'], 2, /FRESHET_USAGE: .* whole number/],
    [
      ['replay', 'user', '--until-seq', '9', '--until-time', '2999-01-01T00:00:00Z', '--into', 'x'],
      2,
      /--until-seq or/,
    ],
    [['recommend', 'u1', '-n', '100000'], 1, /FRESHET_BAD_REQUEST: n is 100000. It must be a whole number/],
    [['forget', ''], 1, /FRESHET_BAD_REQUEST: user is ""/],
    [['at', '--time', 'yesterday', 'trending'], 2, /FRESHET_USAGE/],
    [['why', 'nobody', 'i7'], 1, /FRESHET_NOT_FOUND: The log has no event of nobody/],
    [['why', 'u1', 'i7', '--at', 'soon'], 2, /FRESHET_USAGE/],
  ]);
});
