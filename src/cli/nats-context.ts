/** Saved contexts of the `nats` tool (`nats context save`): one JSON file each, in its folder of settings. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { NatsAccess } from '../bus/nats/access.ts';
import { messageOf, UsageError } from '../errors.ts';

export interface NatsContext extends NatsAccess {
  /** Addresses of servers, with user and password or token if the context has them. */
  url: string | undefined;
}

/** Members that change how a client connects, and that Freshet does not apply. It refuses a context that has one. */
const UNSUPPORTED = [
  ...['nsc', 'user_jwt', 'user_seed', 'cert', 'key', 'tls_first', 'socks_proxy'],
  ...['jetstream_domain', 'jetstream_api_prefix', 'inbox_prefix'],
];

/** Reads a context by its name. Throws `UsageError`. */
export function readContext(name: string, env: NodeJS.ProcessEnv = process.env): NatsContext {
  if (name === '' || /[/\\]|\.\./.test(name))
    throw new UsageError(`${JSON.stringify(name)} is not the name of a context of the nats tool.`, { next: LIST });
  const folder = join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'nats', 'context');
  const file = join(folder, `${name}.json`);
  let context: Record<string, unknown>;
  try {
    context = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`Freshet cannot read the context ${name} of the nats tool: ${messageOf(cause)}.`, {
      next: LIST,
      details: { file },
      cause,
    });
  }
  const unsupported = UNSUPPORTED.filter((member) => context[member]);
  if (unsupported.length > 0)
    throw new UsageError(`The context ${name} sets ${unsupported.join(', ')}, which Freshet does not apply.`, {
      next: 'name the server with --nats URL and the credentials with --credentials FILE',
      details: { file, unsupported },
    });
  const text = (member: string): string | undefined => (context[member] ? String(context[member]) : undefined);
  return {
    url: withUser(text('url'), text('user') ?? text('token'), text('password')),
    credentials: fromHome(text('creds') ?? text('nkey')),
    ca: fromHome(text('ca')),
  };
}

const LIST = 'nats context ls, which lists the contexts';

function withUser(url: string | undefined, user: string | undefined, password: string | undefined): string | undefined {
  if (url === undefined || user === undefined) return url;
  const part = encodeURIComponent(user) + (password === undefined ? '' : `:${encodeURIComponent(password)}`);
  return url.replace(/^(\w+:\/\/)?([^@/]*@)?/, (_all, scheme = 'nats://') => `${scheme}${part}@`);
}

const fromHome = (path: string | undefined): string | undefined => path?.replace(/^~(?=[/\\])/, homedir());
