/** Logging: pino, object first, a child a service; ids of users are hashed, so that a log can be given away. */
import { createHash } from 'node:crypto';
import { type Logger, pino } from 'pino';

export interface LoggerOptions {
  service: string;
  level?: string;
  /** Whether ids of users are hashed. */
  redact?: boolean;
  /** File descriptor to write to; standard error unless given, since standard output belongs to results. */
  fd?: number;
}

/** The keys under which a user's id stands in log objects; nothing else may hold one. */
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

/** Twelve hex digits that stand for an id: the same id has the same ones, so that lines can be followed. */
export const pseudonym = (value: unknown): string =>
  `#${createHash('sha256')
    .update(typeof value === 'string' ? value : JSON.stringify(value))
    .digest('hex')
    .slice(0, 12)}`;
