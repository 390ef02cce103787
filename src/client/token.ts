/**
 * What the client reads from its token. A token of the gateway is a JWT (RFC 7519); it names the source under which the
 * page publishes events of its user, and of its session. The gateway verifies the token, the client only reads it.
 */

/** The source for events about a subject; undefined if the key is no token, or names no source for this subject. */
export function tokenSource(key: string | undefined, subject: string): string | undefined {
  const claims = claimsOf(key);
  const source = subject === claims.sub ? claims.source : subject === claims.sid ? claims.session_source : undefined;
  return typeof source === 'string' ? source : undefined;
}

function claimsOf(key: string | undefined): Record<string, unknown> {
  const part = key?.split('.')[1];
  if (part === undefined) return {};
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    return (JSON.parse(new TextDecoder().decode(bytes)) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
