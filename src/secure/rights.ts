/** What an identity may do on the bus, and the subjects that each right consists of. */

/** The account that holds the log, the buckets and the services. */
export const FRESHET_ACCOUNT = 'FRESHET';

export interface Right {
  about: string;
  /** Requests and events: the identity publishes there, and gets the answer or the acknowledgement. */
  services: readonly string[];
  /** What the identity may subscribe to. */
  streams?: readonly string[];
}

const SERVICES = ['user', 'content', 'feedback', 'engine'];

/** Rights that an account outside of Freshet's own may have. No subject takes the name of a place to deliver to. */
export const RIGHTS = {
  publish: {
    about: 'publish events of users, items and feedback, and get acknowledgements',
    services: ['ev.user.>', 'ev.content.>', 'ev.feedback.>'],
  },
  recommend: {
    about: 'request lists and explanations',
    services: ['recommend', 'similar', 'trending', 'shelves', 'explain'].map((name) => `freshet.engine.${name}`),
  },
  read: {
    about: 'request users, histories, items and summaries of feedback',
    services: [
      ...['freshet.user.get', 'freshet.user.history'],
      ...['freshet.content.get', 'freshet.content.list', 'freshet.content.search', 'freshet.feedback.summary'],
    ],
  },
  watch: {
    about: 'read rankings and follow their changes',
    services: ['$JS.API.DIRECT.GET.KV_rankings.$KV.rankings.>'],
    streams: ['$KV.rankings.>'],
  },
  forget: {
    about: 'forget and export users, and follow erasures',
    services: ['freshet.user.forget', 'freshet.user.erasure', 'freshet.user.export'],
  },
  look: {
    about: 'request the status of each service',
    services: SERVICES.flatMap((service) => [`freshet.${service}.status`, `freshet.${service}.status.*`]),
  },
  discover: {
    about: 'list the services with their statistics (`nats micro`)',
    services: ['$SRV.>'],
  },
} as const satisfies Record<string, Right>;

export type RightName = keyof typeof RIGHTS;

/** Rights with which an operator may add an application. The others belong to identities that Freshet makes itself. */
export const APP_RIGHTS = ['publish', 'recommend', 'read', 'watch'] as const satisfies readonly RightName[];
export type AppRight = (typeof APP_RIGHTS)[number];

export const isRight = (name: unknown): name is RightName => typeof name === 'string' && Object.hasOwn(RIGHTS, name);
export const rightOf = (name: RightName): Right => RIGHTS[name];

/** Names of the identities in Freshet's own account. */
export const INNER = ['services', 'answers', 'operator'] as const;
export type InnerName = (typeof INNER)[number];

export interface Permissions {
  publish: readonly string[];
  /** Empty: nothing. */
  subscribe: readonly string[];
}

/**
 * What the identities of Freshet's own account may do. They trust each other, so this guards against mistakes.
 *
 * @param replies subjects that answers may go to
 */
export const innerPermissions = (replies: readonly string[]): Record<InnerName, Permissions> => ({
  services: {
    publish: ['ev.>', 'dlq.>', 'out.engine.>', 'freshet.>', '$KV.>', '$O.>', '$JS.>', '$SRV.>', ...replies],
    subscribe: ['>'],
  },
  answers: { publish: replies, subscribe: [] },
  operator: { publish: ['>'], subscribe: ['>'] },
});
