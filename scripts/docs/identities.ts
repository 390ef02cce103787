import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replySubjects } from '../../src/bus/nats/reply-subjects.ts';
import { accountOf, OUTER } from '../../src/secure/identities.ts';
import { APP_DEFAULT } from '../../src/secure/init.ts';
import { APP_RIGHTS, INNER, innerPermissions, RIGHTS, type RightName, rightOf } from '../../src/secure/rights.ts';
import { ROOT } from '../setup.mjs';
import { code, generatedFrom, page, sentence, table } from './markdown.ts';

/** What test/secure/accounts.test.ts has seen: what each identity tried, and how nats-server answered. */
export const OUTCOMES = 'test/secure/outcomes.json';

const ABOUT: Readonly<Record<string, string>> = {
  services: 'the services, the gateway and the demo',
  answers: 'the second connection of each service, by which it answers',
  operator: 'the command line of the operator',
  reader: 'a program that shows rankings as they move',
  privacy: 'a program that answers requests for personal data and for erasures',
  monitor: 'a program that watches the services',
  'app-NAME': 'an application; each has its own key and account',
};

const codes = (subjects: readonly string[]): string =>
  subjects.length === 0 ? 'nothing' : subjects.map(code).join(', ');

export function identitiesPage(): string {
  const inner = innerPermissions(replySubjects());
  const outcomes = JSON.parse(readFileSync(join(ROOT, OUTCOMES), 'utf8')) as Record<string, Record<string, string>>;
  const names = Object.keys(outcomes);
  const tried = Object.keys(outcomes[names[0] as string] ?? {});
  const rights = Object.keys(RIGHTS) as RightName[];
  return page(
    generatedFrom(`src/secure and ${OUTCOMES}`),
    '# Identities on the bus',
    'This page lists the identities that `freshet secure init` makes, and what each may do. [Guard your own NATS](../how-to/guard-nats.md) says how to use them.',
    table(
      ['identity', 'for', 'account', 'rights'],
      [
        ...INNER.map((name) => [code(name), ABOUT[name] ?? '', code('FRESHET'), 'see below']),
        ...Object.entries(OUTER).map(([name, may]) => [
          code(name),
          ABOUT[name] ?? '',
          code(accountOf({ name, key: '' })),
          codes(may),
        ]),
        [
          code('app-NAME'),
          ABOUT['app-NAME'] ?? '',
          code('app-NAME'),
          `any of ${codes(APP_RIGHTS)}; ${codes(APP_DEFAULT)} unless given`,
        ],
      ],
    ),
    '## Rights across accounts',
    'The account of an identity imports these subjects, and no others. Freshet exports each of them to the accounts with the right alone. The bus maps the reply subject of a request, so no caller names a place in Freshet’s account to deliver to.',
    table(
      ['right', 'what it allows', 'requests and events', 'subscriptions'],
      rights.map((right) => {
        const { about, services, streams = [] } = rightOf(right);
        return [code(right), sentence(about), codes(services), codes(streams)];
      }),
    ),
    '`discover` belongs to `monitor` if the operator chooses `--discovery`.',
    '## Permissions in the account of Freshet',
    'These three identities share the account of the log, so they trust each other: a program that may ask JetStream for a consumer can let it deliver to any subject of the account. Their permissions guard against mistakes.',
    table(
      ['identity', 'may publish to', 'may subscribe to'],
      INNER.map((name) => [code(name), codes(inner[name].publish), codes(inner[name].subscribe)]),
    ),
    '## What each identity tried',
    `A test lets each identity try the following on a real nats-server, and compares the outcome with this table. It runs a second time without the permissions of the identities outside of Freshet’s account; nothing more is possible then, because their accounts import nothing more.`,
    table(
      ['tried', ...names.map(code)],
      tried.map((what) => [what, ...names.map((name) => (outcomes[name]?.[what] === 'allowed' ? 'yes' : 'refused'))]),
    ),
  );
}
