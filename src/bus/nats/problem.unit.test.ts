import { ErrorCode, NatsError } from 'nats';
import { describe, expect, it } from 'vitest';
import * as errors from '../../errors.ts';
import { problemOf, RemoteProblemError } from './problem.ts';

describe('the problem document of an error', () => {
  it.each([
    [new errors.BadRequestError('n takes a number.', { details: { member: 'n' } }), 400, 'FRESHET_BAD_REQUEST'],
    [new errors.NotFoundError('No such item.'), 404, 'FRESHET_NOT_FOUND'],
    [
      new errors.SequenceNotReachedError('Not yet.', { details: { asked: 5, reached: 3 } }),
      504,
      'FRESHET_SEQUENCE_NOT_REACHED',
    ],
    [new errors.ServiceUnavailableError('Nobody answers.'), 503, 'FRESHET_SERVICE_UNAVAILABLE'],
    [new errors.StreamMissingError('No stream.'), 503, 'FRESHET_STREAM_MISSING'],
    [new errors.PublishUnacknowledgedError('Unknown.'), 503, 'FRESHET_PUBLISH_UNACKNOWLEDGED'],
    [new errors.LogForkedError('Another log.'), 500, 'FRESHET_LOG_FORKED'],
  ])('%s has its status and code', (err, status, code) => {
    expect(problemOf(err)).toMatchObject({ status, code, detail: err.message, ...err.details });
  });

  it('reports a server that does not answer as a temporary error', () => {
    expect(problemOf(new NatsError('TIMEOUT', ErrorCode.Timeout))).toMatchObject({
      status: 503,
      code: 'FRESHET_SERVICE_UNAVAILABLE',
      detail: expect.stringContaining('TIMEOUT'),
      next: expect.stringContaining('freshet status'),
    });
  });

  it('names its type by the code, and what to run next', () => {
    const problem = problemOf(new errors.StreamMissingError('No stream.', { next: 'freshet streams apply' }));
    expect(problem).toMatchObject({ type: 'urn:freshet:problem:stream-missing', next: 'freshet streams apply' });
  });

  it('does not reveal the text of an internal error', () => {
    const problem = problemOf(new TypeError('password is hunter2'));
    expect(problem).toMatchObject({ status: 500, code: 'FRESHET_INTERNAL' });
    expect(JSON.stringify(problem)).not.toContain('hunter2');
  });

  it('of another service is forwarded unchanged', () => {
    const err = new RemoteProblemError(
      problemOf(new errors.NotFoundError('No such item.', { details: { item: 'i7' } })),
    );
    expect(err).toMatchObject({
      code: 'FRESHET_NOT_FOUND',
      message: 'No such item.',
      problem: { status: 404, item: 'i7' },
    });
  });

  it('has a code that no other class of error has', () => {
    type ErrorClass = new (message: string) => errors.FreshetError;
    const codes = (Object.values(errors) as unknown[])
      .filter(
        (value): value is ErrorClass => typeof value === 'function' && value.prototype instanceof errors.FreshetError,
      )
      .map((Class) => new Class('text').code)
      // Abstract ones have none.
      .filter((code) => code !== undefined);
    expect(codes.length).toBeGreaterThan(20);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(code).toMatch(/^FRESHET_[A-Z_]+$/);
  });
});
