/** Progress of long work on standard error: one line that it overwrites on a terminal, a new line now and then elsewhere. */
import { count, duration } from './output.ts';

export interface Progress {
  /** Shows how much is done, of how much if that is known, and details in words. */
  update(done: number, total?: number, details?: string): void;
  end(): void;
}

const TERMINAL_MS = 200;
const ELSEWHERE_MS = 5_000;
/** Milliseconds of work before the first line. */
const PATIENCE_MS = 1_000;

export function createProgress(what: string, unit: string, quiet = false): Progress {
  const started = performance.now();
  const terminal = process.stderr.isTTY === true;
  let shown = started + PATIENCE_MS - (terminal ? TERMINAL_MS : ELSEWHERE_MS);
  let written = false;
  return {
    update: (done, total, details) => {
      const now = performance.now();
      if (quiet || now - started < PATIENCE_MS || now - shown < (terminal ? TERMINAL_MS : ELSEWHERE_MS)) return;
      shown = now;
      const rate = (done * 1000) / (now - started);
      const left = total !== undefined && rate > 0 ? `, ${duration(Math.max(0, total - done) / rate)} left` : '';
      const line = `${what}: ${count(done)}${total === undefined ? '' : ` of ${count(total)}`} ${unit}, ${count(Math.round(rate))}/s${left}${details === undefined ? '' : ` (${details})`}`;
      process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
      written = true;
    },
    end: () => {
      if (written && terminal) process.stderr.write('\r\x1b[K');
    },
  };
}
