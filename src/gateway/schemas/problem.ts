/** Errors in answers (RFC 9457), and what each status means. */
import { Type } from 'typebox';
import { open } from './members.ts';

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'URN of the condition', examples: ['urn:freshet:problem:bad-request'] }),
    title: Type.String({ examples: ['Bad request'] }),
    status: Type.Integer({ minimum: 400, maximum: 599, examples: [400] }),
    code: Type.String({ description: 'stable code, for programs', examples: ['FRESHET_BAD_REQUEST'] }),
    detail: Type.String({
      description: 'what is wrong, for people',
      examples: ['n is 0. It must be a whole number from 1 to 1000.'],
    }),
    next: Type.Optional(
      Type.String({ description: 'the command to run, or what to change', examples: ['freshet status'] }),
    ),
    member: Type.Optional(Type.String({ description: 'member of the request that is wrong', examples: ['n'] })),
    reached: Type.Optional(
      Type.Integer({ description: 'with FRESHET_SEQUENCE_NOT_REACHED: the sequence that the service has reached' }),
    ),
  },
  { $id: 'Problem', ...open, description: 'An error (RFC 9457); further members hold the values that matter' },
);

export const PROBLEMS = {
  400: 'The request is wrong; member names the part that is',
  401: 'The request needs a key, and its key or token is missing, wrong, revoked or expired',
  403: 'The key or token does not allow this',
  404: 'The user, item or erasure does not exist',
  409: 'The present state does not allow it: the gateway has no keys, or another act goes on; the detail says which',
  413: 'The body is larger than http.body_bytes, or holds more events than http.batch_events',
  415: 'The gateway does not read this media type',
  429: 'The caller is over its limit; Retry-After says when to try again',
  503: 'A service or the log does not answer; Retry-After says when to try again',
  504: 'The service did not reach min_seq within timeout_ms; reached says how far it is',
} as const;
export type ProblemStatus = keyof typeof PROBLEMS;
