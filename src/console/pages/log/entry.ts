/** A message of the log, as `GET /v1/log` answers it. */
export interface LogEntry {
  seq: number;
  /** When the log stored it. */
  time: string;
  subject: string;
  /** Null if the payload is not a JSON object. */
  event: { type?: string; subject?: string; source?: string; id?: string; data?: { item?: unknown } } | null;
  text?: string;
}

export interface LogPage {
  events: LogEntry[];
  next: number | null;
  searched: number;
}

export interface LogFilter {
  type?: string | undefined;
  user?: string | undefined;
  item?: string | undefined;
}

/** Whether the subject of an event is a user; of content events it is an item. */
export const isOfUser = (type: string | undefined): boolean => /^(user|feedback)\./.test(type ?? '');
export const isOfItem = (type: string | undefined): boolean => /^content\./.test(type ?? '');
