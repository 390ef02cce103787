/** Logs answers that the server does not let a service send, because the service itself never learns it from the client. */
import { Events, type NatsConnection } from 'nats';
import type { Logger } from 'pino';

/** Until the connection is closed. The subject stays out of the log: it is a caller's own. */
export async function logForbiddenAnswers(
  answers: NatsConnection,
  { logger, logEveryMs }: { logger: Pick<Logger, 'warn'>; logEveryMs: number },
): Promise<void> {
  let forbidden = 0;
  let loggedAt = Number.NEGATIVE_INFINITY;
  for await (const { type, permissionContext } of answers.status()) {
    if ((type as string) !== Events.Error || permissionContext?.operation !== 'publish') continue;
    forbidden++;
    if (performance.now() - loggedAt < logEveryMs) continue;
    logger.warn(
      {
        below: permissionContext.subject.split('.', 1)[0],
        answers: forbidden,
        next: 'grant the identity of nats.answer_credentials to publish there',
      },
      'the nats-server does not let the service send an answer, so its caller waits in vain',
    );
    loggedAt = performance.now();
    forbidden = 0;
  }
}
