/** Logging with pino: object first, one child logger per service. It hashes ids of users, so that an operator can share a log. */
import { createHash } from 'node:crypto';
import { type Logger, pino } from 'pino';

export interface LoggerOptions {
  service: string;
  level?: string;
  /** Whether the logger hashes ids of users. */
  redact?: boolean;
  /** File descriptor to write to; default: standard error, because standard output is for results. */
  fd?: number;
}

/** The keys of log objects that may hold the id of a user. No other key may. */
const PERSONAL = ['user', 'users', 'subject', 'session'] as const;

export function createLogger({ service, level = 'info', redact = true, fd = 2 }: LoggerOptions): Logger {
  return pino(
    {
      base: { service },
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: redact
        ? { paths: [...PERSONAL, 'headers.authorization', '*.subject', '*.user'], censor: (value) => pseudonym(value) }
        : [],
    },
    pino.destination({ fd, sync: true }),
  );
}

/** Twelve hex digits in place of an id. The same id has the same digits, so that a reader can follow a user through the log. */
export const pseudonym = (value: unknown): string =>
  `#${createHash('sha256')
    .update(typeof value === 'string' ? value : JSON.stringify(value))
    .digest('hex')
    .slice(0, 12)}`;
