/** The stream of copies of dead letters, as a service publishes to it. */
import type { NatsConnection } from 'nats';
import { DEAD_LETTERS } from '../../../streams.config.ts';
import { deadLetterSubject } from '../event/subject.ts';
import { isNotFound } from '../nats/connection.ts';
import { onceMade } from '../nats/once-made.ts';
import type { Publisher } from '../nats/publisher.ts';
import type { DeadLetterStream } from '../projection/dead-letter-copies.ts';

export function createDeadLetterStream(nc: NatsConnection, publisher: Publisher, service: string): DeadLetterStream {
  const jsm = onceMade(() => nc.jetstreamManager({ checkAPI: false }));
  return {
    publish: async (dead) => {
      const { seq } = await publisher.publish({
        subject: deadLetterSubject(service, dead.subject),
        identity: `dlq/${service}/${dead.seq}`,
        payload: dead.payload,
        headers: {
          'Freshet-Service': service,
          'Freshet-Seq': String(dead.seq),
          'Freshet-Code': dead.code,
          'Freshet-Subject': dead.subject.replace(/[\r\n]/g, ' '),
          'Freshet-Reason': dead.message.replace(/[\r\n]/g, ' ').slice(0, 1_000),
        },
      });
      return seq;
    },
    remove: async (seq) => {
      const { streams } = await jsm();
      try {
        await streams.deleteMessage(DEAD_LETTERS.name, seq);
      } catch (err) {
        // The erasure's purge may have come first; the server has another error for that than "not found".
        const there = await streams.getMessage(DEAD_LETTERS.name, { seq }).catch((other: unknown) => {
          if (isNotFound(other)) return undefined;
          throw other;
        });
        if (there !== undefined) throw err;
      }
    },
  };
}

/** A copy of a dead letter. */
export interface DeadLetterCopy {
  /** Sequence of the copy in its stream. */
  seq: number;
  /** Sequence of the message in the log. */
  of: number;
}

/** Milliseconds that the server has for one copy. */
const READ_MS = 5_000;

/** The few copies on a subject. Throws the errors of the connection. */
export async function* deadLetterCopies(nc: NatsConnection, subject: string): AsyncGenerator<DeadLetterCopy> {
  for (let seq = 1; ; ) {
    const query = JSON.stringify({ seq, next_by_subj: subject });
    const answer = await nc.request(`$JS.API.STREAM.MSG.GET.${DEAD_LETTERS.name}`, query, { timeout: READ_MS });
    const { message } = answer.json<{ message?: { seq: number; hdrs?: string } }>();
    if (!message) return;
    const headers = Buffer.from(message.hdrs ?? '', 'base64').toString('utf8');
    const of = /\r\nFreshet-Seq: (\d+)\r\n/.exec(headers)?.[1];
    if (of !== undefined) yield { seq: message.seq, of: Number(of) };
    seq = message.seq + 1;
  }
}
