import { expect, it } from 'vitest';
import { accountsText } from './configuration.ts';
import { EXAMPLE } from './example.ts';
import { checkIdentities, type Identities } from './identities.ts';
import { RIGHTS, type RightName } from './rights.ts';

const changed = (change: (identities: Identities) => void): unknown => {
  const copy = structuredClone(EXAMPLE);
  change(copy);
  return checkIdentities(copy);
};

it('takes the example', () => {
  expect(checkIdentities(EXAMPLE)).toEqual(EXAMPLE);
});

it.each<[string, (identities: Identities) => void, string]>([
  ['a name twice', ({ identities }) => identities.push({ ...identities[3]!, key: '$OTHER' }), 'reader is there twice'],
  [
    'a key twice',
    ({ identities }) => void Object.assign(identities[4]!, { key: identities[3]!.key }),
    'privacy has the key of another',
  ],
  [
    'an unknown right',
    ({ identities }) => void Object.assign(identities[3]!, { may: ['all'] }),
    'has the right "all", which is unknown',
  ],
  ['no operator', ({ identities }) => void identities.splice(2, 1), 'operator is missing'],
  [
    'services with rights',
    ({ identities }) => void Object.assign(identities[0]!, { may: ['watch'] }),
    'services has the member may',
  ],
  ['an inbox among events', (all) => void all.inbox_prefixes.push('ev.inbox'), 'ev.inbox belongs to Freshet'],
  ['an inbox in JetStream', (all) => void all.inbox_prefixes.push('$KV'), 'inbox_prefixes.0'],
])('refuses %s', (_what, change, text) => {
  expect(changed(change)).toContain(text);
});

it('exports no API that takes a delivery subject, and no control events', () => {
  for (const right of Object.keys(RIGHTS) as RightName[])
    for (const subject of RIGHTS[right].services) {
      expect(subject).not.toMatch(/^\$JS\.API\.(?!DIRECT\.GET\.KV_rankings\.\$KV\.rankings\.>$)/);
      expect(subject).not.toMatch(/^(>|\*|ev\.(>|\*|control))/);
    }
});

it('names the importing accounts at each export', () => {
  const exports = accountsText(EXAMPLE)
    .split('\n')
    .filter((line) => /^ {6}\{ (service|stream): "/.test(line));
  expect(exports.length).toBeGreaterThan(10);
  for (const line of exports) expect(line).toMatch(/accounts: \["[^\]]+"\]/);
});
