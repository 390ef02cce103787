/** The scopes of API keys and tokens. */

export const SCOPES = ['events:user', 'events:content', 'recommend', 'erase', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What each scope allows, for help texts and documentation. */
export const SCOPE_MEANINGS: Readonly<Record<Scope, string>> = {
  'events:user': 'publish user.* and feedback.* events',
  'events:content': 'publish content.* events',
  recommend: 'read lists, the catalogue, profiles, histories and the feedback summary; make tokens for browsers',
  erase: 'export all data on a user, forget users, and list erasures',
  admin: 'everything, also what no other scope allows: the whole log, the state of the system, and what operators do',
};

/** Scopes that a browser's token may have. */
export const TOKEN_SCOPES = ['events:user', 'recommend'] as const satisfies readonly Scope[];
export type TokenScope = (typeof TOKEN_SCOPES)[number];

export const isScope = (text: unknown): text is Scope => (SCOPES as readonly unknown[]).includes(text);

/** Whether a caller that has scopes may do what requires one of `any`. */
export const allows = (has: ReadonlySet<Scope>, any: readonly Scope[]): boolean =>
  has.has('admin') || any.some((scope) => has.has(scope));
