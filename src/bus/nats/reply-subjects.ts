/**
 * The reply subjects that a service answers on. The caller chooses the reply subject of a request, and the service may
 * write into every stream and bucket. So a reply subject of a stream, a bucket, a service or the server itself would let
 * the caller write there with the rights of the service.
 */
import type { Msg, MsgHdrs, NatsConnection, SubscriptionOptions } from 'nats';

/** Of nats-server, for requests of another account. A server refuses it as the reply subject of a client. */
const SERVICE_IMPORT = '_R_';
/** Of NATS clients. */
const INBOX = '_INBOX';

/** The prefixes of inboxes: those of every server and client, and those of the setting `nats.inbox_prefixes`. */
export const inboxPrefixes = (configured: readonly string[] = []): string[] => [SERVICE_IMPORT, INBOX, ...configured];

/** The subjects that a connection which answers requests must be able to publish to, as permissions of nats-server. */
export const replySubjects = (configured: readonly string[] = []): string[] =>
  inboxPrefixes(configured).map((prefix) => `${prefix}.>`);

/** A token that is empty or a wildcard. */
const UNFIT = /(^|\.)[*>]?(\.|$)/;

/**
 * Whether a subject lies below one of the prefixes, or below a first token that begins with `_INBOX_`, as the prefixes
 * of clients with permissions of their own do.
 */
export function isInbox(subject: string, prefixes: readonly string[]): boolean {
  const below = prefixes.some((prefix) => subject.startsWith(prefix) && subject[prefix.length] === '.');
  return (below || /^_INBOX_[^.]+\./.test(subject)) && !UNFIT.test(subject);
}

export interface ReplyGuardOptions {
  /** See {@link inboxPrefixes}. */
  prefixes: readonly string[];
  /** The connection by which answers leave. */
  answers: NatsConnection;
  /** Gets the subject that the service listens on, and the reply subject. */
  onRefused: (subject: string, reply: string) => void;
}

/**
 * The same connection, on which subscribers get no message whose reply subject is no inbox, and answer messages by another
 * connection. It also guards what the NATS client answers by itself (discovery, `$SRV`): its services subscribe by callbacks
 * of the connection that they are added to. A message without a reply subject comes through, because nobody can answer it.
 */
export function guardReplies(nc: NatsConnection, { prefixes, answers, onRefused }: ReplyGuardOptions): NatsConnection {
  const subscribe: NatsConnection['subscribe'] = (subject, options: SubscriptionOptions = {}) =>
    nc.subscribe(subject, {
      ...options,
      callback: (err, message) => {
        const reply = err ? undefined : message.reply;
        if (!reply) options.callback?.(err, message);
        else if (isInbox(reply, prefixes)) options.callback?.(err, new AnsweredMessage(message, answers, reply));
        else onRefused(subject, reply);
      },
    });
  // The client makes `services` once for a connection and keeps it there; this one must not find that of `nc`.
  return Object.create(nc, { subscribe: { value: subscribe }, _services: { value: undefined, writable: true } });
}

/**
 * A message whose answer leaves by another connection. A class that decodes nothing before somebody reads it: an object
 * that inherits from the message doubled the processor time of a request.
 */
class AnsweredMessage implements Msg {
  readonly reply: string;
  private readonly message: Msg;
  private readonly answers: NatsConnection;

  constructor(message: Msg, answers: NatsConnection, reply: string) {
    this.message = message;
    this.answers = answers;
    this.reply = reply;
  }

  get subject(): string {
    return this.message.subject;
  }

  get sid(): number {
    return this.message.sid;
  }

  get data(): Uint8Array {
    return this.message.data;
  }

  get headers(): MsgHdrs {
    return this.message.headers as MsgHdrs;
  }

  respond(...[payload, options]: Parameters<Msg['respond']>): boolean {
    this.answers.publish(this.reply, payload, options);
    return true;
  }

  json<T>(...[reviver]: Parameters<Msg['json']>): T {
    return this.message.json<T>(reviver);
  }

  string(): string {
    return this.message.string();
  }
}
