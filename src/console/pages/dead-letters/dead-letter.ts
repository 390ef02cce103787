/** A dead letter, as the gateway answers it. */
export interface DeadLetter {
  seq: number;
  service: string;
  code: string;
  message: string;
  subject: string;
  time?: string;
  /** Null if the payload is not a JSON object. */
  event: Record<string, unknown> | null;
  text?: string;
}

export interface DeadLetters {
  by_reason: { code: string; count: number }[];
  dead_letters: DeadLetter[];
  next: string | null;
}
