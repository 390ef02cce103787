/** Turns errors into RFC 9457 problem details. */
import type { FastifyReply } from 'fastify';
import { type Problem, problemOf } from '../bus/nats/problem.ts';
import {
  BadRequestError,
  BodyTooLargeError,
  FreshetError,
  MediaTypeError,
  messageOf,
  RouteUnknownError,
} from '../errors.ts';

export const PROBLEM_MEDIA = 'application/problem+json';

/** Seconds after which a caller may try again. */
const RETRY_AFTER = '1';

export interface ProblemLimits {
  bodyBytes: number;
}

/** The problem of an error of the gateway, of a service, or of Fastify. */
export function httpProblem(err: unknown, { bodyBytes }: ProblemLimits): Problem {
  const problem = problemOf(err instanceof FreshetError ? err : (translate(err, bodyBytes) ?? err));
  // A service of another version might answer with a status that is not one of an error.
  return Number.isInteger(problem.status) && problem.status >= 400 && problem.status <= 599
    ? problem
    : { ...problem, status: 500 };
}

/** Fastify's own errors as errors of Freshet; undefined for a defect. */
function translate(err: unknown, bodyBytes: number): FreshetError | undefined {
  const { code, statusCode } = err as { code?: string; statusCode?: number };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new BodyTooLargeError(
        `The body is larger than ${bodyBytes} bytes, the most for one request (http.body_bytes).`,
        {
          next: 'send several requests',
          details: { limit: bodyBytes },
        },
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new MediaTypeError(
        'The gateway does not read bodies of this content type here. It reads application/json.',
        {
          next: "add the header 'content-type: application/json'",
        },
      );
    case 'FST_ERR_BAD_URL':
      return new BadRequestError('The path is not properly percent-encoded.', { details: { member: 'path' } });
    case 'FST_ERR_NOT_FOUND':
      return new RouteUnknownError('The gateway has no route for this path.', {
        next: 'see /openapi.json for the routes',
      });
    default:
      if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return undefined;
      return new BadRequestError(`The gateway cannot read the body: ${messageOf(err).replace(/\.$/, '')}.`, {
        details: { member: 'body' },
      });
  }
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if ((problem.status === 503 || problem.status === 429) && !reply.hasHeader('retry-after'))
    reply.header('retry-after', RETRY_AFTER);
  return reply.code(problem.status).type(PROBLEM_MEDIA).send(JSON.stringify(problem));
}
