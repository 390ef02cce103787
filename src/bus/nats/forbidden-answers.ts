/** Logs answers that the server does not let a service send, because the service itself never learns it from the client. */
import { Events, type NatsConnection } from 'nats';
import type { Logger } from 'pino';
import { createSeldom } from './seldom.ts';

/** Until the connection is closed. The subject stays out of the log: it is a caller's own. */
export async function logForbiddenAnswers(
  answers: NatsConnection,
  { logger, logEveryMs }: { logger: Pick<Logger, 'warn'>; logEveryMs: number },
): Promise<void> {
  const seldom = createSeldom(logEveryMs);
  for await (const { type, permissionContext } of answers.status()) {
    if ((type as string) !== Events.Error || permissionContext?.operation !== 'publish') continue;
    const forbidden = seldom();
    if (forbidden === undefined) continue;
    logger.warn(
      {
        below: permissionContext.subject.split('.', 1)[0],
        answers: forbidden,
        next: 'grant the identity of nats.answer_credentials to publish there',
      },
      'the nats-server does not let the service send an answer, so its caller waits in vain',
    );
  }
}
