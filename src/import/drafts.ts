import { idProblem } from '../bus/event/ids.ts';
import type { AttributeValue, InteractionType, ItemData } from '../bus/event/types.ts';
import type { RejectionCode } from './types.ts';

/** The result of reading one row. Times are milliseconds since 1970. */
export type Draft = InteractionDraft | ItemDraft | UserDraft | EventDraft | Rejection;

export interface InteractionDraft {
  kind: 'interaction';
  line: number;
  /** Infinity without a time. */
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
  /** Undefined if the row has no time. */
  time: number | undefined;
  /** What the import left out of the row. */
  remark?: string;
}

export interface UserDraft {
  kind: 'user';
  line: number;
  user: string;
  traits: Record<string, AttributeValue>;
  time: number | undefined;
}

/** A complete event, as the file holds it. */
export interface EventDraft {
  kind: 'event';
  line: number;
  /** Undefined for an event without a time. The time of its publication applies. */
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

/** A value for a message: quoted and truncated, because broken rows may be long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}

/** The rejection of a row with an invalid id, or undefined if the id is valid. */
export function rejectId(line: number, what: string, id: string): Rejection | undefined {
  const problem = idProblem(id);
  return problem === undefined
    ? undefined
    : reject(line, 'FRESHET_EVENT_ID_INVALID', `${what} ${id === '' ? '' : `${shown(id)} `}${problem}`);
}
