/** A dead letter, as the gateway answers it: one entry for each event, with the services that set it aside. */
export interface DeadLetter {
  seq: number;
  subject: string;
  /** Null if the payload is not a JSON object. */
  event: Record<string, unknown> | null;
  /** The payload, if event is null. */
  text?: string;
  services: { service: string; code: string; message: string }[];
  /** Why this release cannot fold the event; null if it can. */
  problem: { code: string; message: string } | null;
}

export interface DeadLetters {
  count: number;
  /** Whether the gateway has searched all of them. */
  complete: boolean;
  reasons: { code: string; events: number }[];
  dead_letters: DeadLetter[];
  /** `before` of the next page. */
  next: number | null;
}
