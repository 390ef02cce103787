/** `identities.json`: who has an identity on the bus, with which rights and which public key. It holds no secret. */
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { RESERVED_TOKENS } from '../config/schema.ts';
import { FRESHET_ACCOUNT, INNER, type InnerName, isRight, type RightName } from './rights.ts';

const IDENTITY = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z][a-z0-9_-]{0,39}$' }),
    /** Public nkey. */
    key: Type.String({ pattern: '^(U[A-Z2-7]{55}|\\$[A-Z_]+)$' }),
    /** Left out: an identity of Freshet's own account. */
    may: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
  },
  { additionalProperties: false },
);

export const IDENTITIES = Type.Object(
  {
    version: Type.Literal(1),
    listen: Type.String({ minLength: 1 }),
    store_dir: Type.String({ minLength: 1 }),
    /** Whether the monitor may list the services (`$SRV`). */
    discovery: Type.Boolean(),
    inbox_prefixes: Type.Array(Type.String({ pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$' })),
    tls: Type.Union([
      Type.Null(),
      Type.Object(
        {
          cert: Type.String({ minLength: 1 }),
          key: Type.String({ minLength: 1 }),
          ca: Type.String({ minLength: 1 }),
          /** Seconds that a client has for the handshake. */
          timeout_s: Type.Integer({ minimum: 1 }),
          /** Names and addresses in the certificate, if Freshet makes it. */
          hosts: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
        },
        { additionalProperties: false },
      ),
    ]),
    identities: Type.Array(IDENTITY, { minItems: 1 }),
  },
  { additionalProperties: false },
);

export type Identities = Static<typeof IDENTITIES>;
export type Identity = Static<typeof IDENTITY>;

/** Names of the identities outside of Freshet's account that Freshet makes itself, and their rights. */
export const OUTER = {
  reader: ['watch'],
  privacy: ['forget'],
  monitor: ['look'],
} as const satisfies Record<string, readonly RightName[]>;

const PREFIX = 'app-';
export const appIdentity = (app: string): string => `${PREFIX}${app}`;
export const isApp = ({ name }: Identity): boolean => name.startsWith(PREFIX);
export const appName = ({ name }: Identity): string => name.slice(PREFIX.length);
export const isInner = (name: string): name is InnerName => (INNER as readonly string[]).includes(name);

/** Each identity outside of Freshet's account has an account of its own, named for it. */
export const accountOf = ({ name }: Identity): string => (isInner(name) ? FRESHET_ACCOUNT : name);

export const rightsOf = ({ name, may = [] }: Identity, discovery: boolean): RightName[] => [
  ...may.filter(isRight),
  ...(discovery && name === 'monitor' ? (['discover'] as const) : []),
];

/** Returns the identities if the value is valid, or says why it is not. */
export function checkIdentities(value: unknown): Identities | string {
  if (!Value.Check(IDENTITIES, value)) {
    const [error] = Value.Errors(IDENTITIES, value);
    return `${error?.instancePath.slice(1).replaceAll('/', '.') || 'the document'} ${error?.message ?? 'is not valid'}`;
  }
  const prefix = value.inbox_prefixes.find((one) => RESERVED_TOKENS.includes(one.split('.')[0] as string));
  if (prefix !== undefined) return `the inbox prefix ${prefix} belongs to Freshet, and answers must not go there`;
  const names = value.identities.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `the identity ${twice} is there twice`;
  const keys = value.identities.map(({ key }) => key);
  const shared = value.identities.find(({ key }, i) => keys.indexOf(key) !== i);
  if (shared) return `the identity ${shared.name} has the key of another one`;
  const absent = INNER.find((name) => !names.includes(name));
  if (absent !== undefined) return `the identity ${absent} is missing`;
  for (const { name, may } of value.identities) {
    if (isInner(name) !== (may === undefined)) return `the identity ${name} ${may ? 'has' : 'lacks'} the member may`;
    const unknown = may?.find((right) => !isRight(right));
    if (unknown !== undefined) return `the identity ${name} has the right ${JSON.stringify(unknown)}, which is unknown`;
  }
  return value;
}
