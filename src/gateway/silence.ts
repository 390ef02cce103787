/**
 * Whether the engines that listen are silent, such as a stopped process: a request got no answer in time, and none was
 * answered since the gateway sent it. While they are silent, a request waits only a moment before the gateway answers with
 * a stored list. The next answer of an engine ends this, so each request is sent nevertheless.
 */
export interface Silence {
  /** Milliseconds that a request waits now; 0: until its time limit. */
  waitMs(): number;
  /** The gateway sends a request. */
  sent(): SentRequest;
}

export interface SentRequest {
  /** An engine has answered, also with a problem. */
  answered(): void;
  /** No engine has answered in time. */
  late(): void;
}

/**
 * @param afterMs milliseconds that a request waits for an engine; 0: until its time limit, and no engine counts as silent
 * @param silentMs the same while they are silent
 */
export function createSilence({ afterMs, silentMs }: { afterMs: number; silentMs: number }): Silence {
  let answers = 0;
  let silent = false;
  return {
    waitMs: () => (silent ? Math.min(afterMs, silentMs) : afterMs),
    sent: () => {
      const before = answers;
      return {
        answered: () => {
          answers++;
          silent = false;
        },
        late: () => {
          if (answers === before) silent = true;
        },
      };
    },
  };
}
