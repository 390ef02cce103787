/** The configuration of nats-server that follows from the identities: accounts, what each exports and imports, and users. */
import { replySubjects } from '../bus/nats/reply-subjects.ts';
import { accountOf, type Identities, type Identity, isInner, rightsOf } from './identities.ts';
import {
  FRESHET_ACCOUNT,
  INNER,
  innerPermissions,
  type Permissions,
  RIGHTS,
  type RightName,
  rightOf,
} from './rights.ts';

/** Name of the file of accounts, which the main file includes. */
export const ACCOUNTS_FILE = 'accounts.conf';

const quote = (text: string): string => JSON.stringify(text);
const list = (subjects: readonly string[]): string => `[${subjects.map(quote).join(', ')}]`;

/** The text of `accounts.conf`. */
export function accountsText({ identities, discovery, inbox_prefixes }: Identities): string {
  const outer = identities.filter(({ name }) => !isInner(name));
  const permissions = innerPermissions(replySubjects(inbox_prefixes));
  const lines = [
    '# Freshet writes this file from identities.json: who may do what on the bus. `freshet secure` changes it.',
    'accounts {',
    '  # The log, the buckets and the services. Its identities trust each other.',
    `  ${FRESHET_ACCOUNT} {`,
    '    jetstream: enabled',
    '    users: [',
    ...INNER.flatMap((name) => {
      const identity = identities.find((one) => one.name === name);
      return identity ? userLines(identity, permissions[name]) : [];
    }),
    '    ]',
    '    exports: [',
    ...exportLines(outer, discovery),
    '    ]',
    '  }',
    ...outer.flatMap((identity) => accountLines(identity, discovery)),
    '}',
  ];
  return `${lines.join('\n')}\n`;
}

function userLines({ name, key }: Identity, { publish, subscribe }: Permissions): string[] {
  return [
    `      # ${name}`,
    '      {',
    `        nkey: ${key}`,
    '        permissions {',
    `          publish { allow: ${list(publish)} }`,
    `          subscribe { ${subscribe.length === 0 ? 'deny: ">"' : `allow: ${list(subscribe)}`} }`,
    '        }',
    '      }',
  ];
}

/** Each export lists the accounts that may import it, so that no account gets more by an import of its own. */
function exportLines(outer: readonly Identity[], discovery: boolean): string[] {
  return (Object.keys(RIGHTS) as RightName[]).flatMap((right) => {
    const accounts = outer.filter((one) => rightsOf(one, discovery).includes(right)).map(accountOf);
    if (accounts.length === 0) return [];
    const { services, streams = [] } = rightOf(right);
    // Each instance of each service answers a discovery.
    const response = right === 'discover' ? ', response_type: "stream"' : '';
    return [
      `      # ${right}: ${rightOf(right).about}`,
      ...services.map((subject) => `      { service: ${quote(subject)}${response}, accounts: ${list(accounts)} }`),
      ...streams.map((subject) => `      { stream: ${quote(subject)}, accounts: ${list(accounts)} }`),
    ];
  });
}

function accountLines(identity: Identity, discovery: boolean): string[] {
  const rights = rightsOf(identity, discovery).map(rightOf);
  const services = rights.flatMap((right) => right.services);
  const streams = rights.flatMap((right) => right.streams ?? []);
  const from = (kind: string) => (subject: string) =>
    `      { ${kind}: { account: ${FRESHET_ACCOUNT}, subject: ${quote(subject)} } }`;
  return [
    `  ${quote(accountOf(identity))} {`,
    '    users: [',
    ...userLines(identity, { publish: services, subscribe: ['_INBOX.>', ...streams] }),
    '    ]',
    '    imports: [',
    ...services.map(from('service')),
    ...streams.map(from('stream')),
    '    ]',
    '  }',
  ];
}

export interface ServerFile {
  listen: string;
  storeDir: string;
  tls: { cert: string; key: string; timeout_s: number } | null;
  /** Path of `accounts.conf`, relative to the folder of the main file. */
  accounts: string;
  /** Further lines. */
  more?: readonly string[];
  about: string;
}

/** The text of the main file of nats-server. */
export function serverText({ listen, storeDir, tls, accounts, more = [], about }: ServerFile): string {
  return [
    `# ${about}`,
    'server_name: freshet',
    `listen: ${quote(listen)}`,
    `jetstream { store_dir: ${quote(storeDir)} }`,
    ...(tls ? [`tls { cert_file: ${quote(tls.cert)}, key_file: ${quote(tls.key)}, timeout: ${tls.timeout_s} }`] : []),
    ...more,
    `include ${quote(accounts)}`,
    '',
  ].join('\n');
}
