/** Requests to the gateway that served the page. Addresses are relative to it, so the console works below any path. */
import { signal } from '@preact/signals';
import { ApiError, isAbort, type Problem } from './problem.ts';

const KEY = 'freshet-console-key';

/** The API key or token, for this tab only: the browser forgets it when the tab closes. */
export const secret = signal<string | undefined>(sessionStorage.getItem(KEY) ?? undefined);

/** Whether the gateway has refused a request for want of a (valid) key. */
export const keyWanted = signal<Problem | undefined>(undefined);

export function holdKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
  secret.value = key;
  keyWanted.value = undefined;
}

const BASE = new URL('../', document.baseURI);

export interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  /** Media type of the body. */
  media?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The answer of the gateway, whatever its body. Throws `ApiError` for a problem, and the abort of the signal. */
export async function request(path: string, options: CallOptions = {}): Promise<Response> {
  const { method = 'GET', body, media = 'application/json', headers = {}, signal: until } = options;
  let response: Response;
  try {
    response = await fetch(new URL(path, BASE), {
      method,
      headers: {
        ...headers,
        ...(secret.value === undefined ? {} : { authorization: `Bearer ${secret.value}` }),
        ...(body === undefined ? {} : { 'content-type': media }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(until === undefined ? {} : { signal: until }),
    });
  } catch (err) {
    if (isAbort(err)) throw err;
    throw new ApiError({
      code: 'GATEWAY_UNREACHABLE',
      title: 'No connection',
      detail: 'The gateway does not answer.',
      next: 'Check that it runs: npx freshet status',
      status: 0,
    });
  }
  if (response.ok) return response;
  const problem = await problemOfAnswer(response);
  if (response.status === 401) keyWanted.value = problem;
  throw new ApiError(problem);
}

/** The JSON of an answer. Throws as `request` does. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await request(path, options);
  return (await response.json()) as T;
}

async function problemOfAnswer(response: Response): Promise<Problem> {
  const body = (await response.json().catch(() => ({}))) as Partial<Problem>;
  return {
    code: body.code ?? `HTTP_${response.status}`,
    title: body.title ?? 'The request failed',
    detail: body.detail ?? `The gateway, or a proxy before it, answered with status ${response.status}.`,
    next: body.next,
    status: response.status,
  };
}

/** A query: lists and objects are JSON. Leaves out members that are undefined or empty. */
export const queryOf = (members: Record<string, unknown>): string => {
  const parts = Object.entries(members)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(
      ([name, value]) =>
        `${name}=${encodeURIComponent(typeof value === 'object' ? JSON.stringify(value) : String(value))}`,
    );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
};

export const inPath = encodeURIComponent;
