/** Subjects of the log: `ev.<context>.<entity id>.<verb>`, each part one token. */
import { decodeToken, encodeToken } from './ids.ts';
import { CONTEXTS, type EventContext } from './types.ts';

export const EVENT_SUBJECTS = 'ev.>';
/** Records of erasures, as a filter. */
export const ERASURE_RECORDS = 'ev.control.*.erased';
/** Records of removed messages that named a forgotten id, as a filter. */
export const REMOVAL_RECORDS = 'ev.control.*.removed';
/** Entity of the records of restores. One subject for all of them, because the checks read the newest one often. */
export const RESTORE_ENTITY = 'log';
/** Records of restores. */
export const RESTORE_RECORDS = 'ev.control.log.backup_restored';
/** Records of accepted losses, as a filter. */
export const LOSS_RECORDS = 'ev.control.*.loss_accepted';

export interface EventSubject {
  context: EventContext;
  entity: string;
  verb: string;
}

export function eventSubject(context: EventContext, entity: string, verb: string): string {
  return `ev.${context}.${encodeToken(entity)}.${verb}`;
}

/** All events of one entity, as a filter: `ev.user.u42.>`. */
export const entitySubjects = (context: EventContext, entity: string): string =>
  `ev.${context}.${encodeToken(entity)}.>`;

/** The parts of a subject; undefined if it is not a subject of the log. */
export function parseEventSubject(subject: string): EventSubject | undefined {
  const [root, context, token, verb, ...rest] = subject.split('.');
  if (root !== 'ev' || rest.length > 0 || !context || !token || !verb) return undefined;
  if (!(CONTEXTS as readonly string[]).includes(context)) return undefined;
  const entity = decodeToken(token);
  return entity === undefined ? undefined : { context: context as EventContext, entity, verb };
}

/** The subject of the copy of a dead letter. A subject that is not one of the log becomes one encoded token. */
export function deadLetterSubject(service: string, subject: string): string {
  const parts = parseEventSubject(subject);
  return parts
    ? `dlq.${service}.${parts.context}.${encodeToken(parts.entity)}.${parts.verb}`
    : `dlq.${service}.unknown.${encodeToken(subject)}.unknown`;
}
