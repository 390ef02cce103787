import { idProblem } from '../bus/event/ids.ts';
import type { AttributeValue, InteractionType, ItemData } from '../bus/event/types.ts';
import type { RejectionCode } from './types.ts';

/** What a format makes of one row. Times are milliseconds since 1970. */
export type Draft = InteractionDraft | ItemDraft | UserDraft | EventDraft | Rejection;

export interface InteractionDraft {
  kind: 'interaction';
  line: number;
  time: number;
  user: string;
  item: string;
  type: InteractionType;
  value: number | undefined;
  list: string | undefined;
  context: Record<string, string | number> | undefined;
}

export interface ItemDraft {
  kind: 'item';
  line: number;
  item: string;
  data: ItemData;
  /** Only where the row has a time of its own. */
  time: number | undefined;
}

export interface UserDraft {
  kind: 'user';
  line: number;
  user: string;
  traits: Record<string, AttributeValue>;
  time: number | undefined;
}

/** An event as somebody else wrote it. */
export interface EventDraft {
  kind: 'event';
  line: number;
  /** Undefined for an event without a time: it happens when it is published. */
  time: number | undefined;
  json: string;
}

export interface Rejection {
  kind: 'rejected';
  line: number;
  code: RejectionCode;
  message: string;
}

export const reject = (line: number, code: RejectionCode, message: string): Rejection => ({
  kind: 'rejected',
  line,
  code,
  message,
});

const SHOWN = 60;

/** A value for a message: quoted and cut, since broken rows may be long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** The rejection of a row whose id is none, or undefined for a good id. */
export function rejectId(line: number, what: string, id: string): Rejection | undefined {
  const problem = idProblem(id);
  return problem === undefined
    ? undefined
    : reject(line, 'FRESHET_EVENT_ID_INVALID', `${what} ${id === '' ? '' : `${shown(id)} `}${problem}`);
}
