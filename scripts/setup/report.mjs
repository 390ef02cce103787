/**
 * Reports the progress of the set-up: short lines on stderr with the seconds since its start, and a spinner on a terminal.
 * stdout is free for the output of the started command.
 */

/** An error that the user can act on. Its codes belong to those of src/errors.ts. */
export class SetupError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ next?: string, cause?: unknown, details?: Record<string, unknown> }} [context]
   */
  constructor(code, message, { next, cause, details } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SetupError';
    this.code = code;
    this.next = next;
    this.details = details ?? {};
  }
}

/** @param {unknown} err */
export const messageOf = (err) => (err instanceof Error ? err.message : String(err));

/** @param {number} bytes */
export const formatBytes = (bytes) =>
  bytes >= 1e9
    ? `${(bytes / 1e9).toFixed(1)} GB`
    : bytes >= 1e6
      ? `${(bytes / 1e6).toFixed(0)} MB`
      : `${Math.ceil(bytes / 1e3)} kB`;

/**
 * @param {{ quiet?: boolean, stream?: NodeJS.WriteStream }} [options]
 */
export const createReporter = ({ quiet = false, stream = process.stderr } = {}) => {
  const began = Date.now();
  const frames = ['-', '\\', '|', '/'];
  const stamp = () => `${((Date.now() - began) / 1000).toFixed(1).padStart(6)}s  `;
  const live = Boolean(stream.isTTY) && !quiet;

  /** @param {string} line */
  const log = (line) => {
    if (!quiet) stream.write(`${stamp()}${line}\n`);
  };

  /**
   * Runs a step under a line with its name. The step may call `detail` with progress, such as sizes.
   *
   * @template T
   * @param {string} what
   * @param {(detail: (text: string) => void) => Promise<T>} run
   * @returns {Promise<T>}
   */
  const step = async (what, run) => {
    log(`${what} ...`);
    const started = Date.now();
    let detail = '';
    let turn = 0;
    // Without a terminal, it prints a line every 15 s, so that a reader of the log sees progress.
    const timer = setInterval(
      () => {
        const text = `${what}: ${((Date.now() - started) / 1000).toFixed(0)} s${detail ? `, ${detail}` : ''}`;
        if (live) stream.write(`\r\x1b[2K${frames[turn++ % frames.length]} ${text}`.slice(0, stream.columns ?? 120));
        else log(text);
      },
      live ? 120 : 15_000,
    );
    timer.unref();
    try {
      return await run((text) => {
        detail = text;
      });
    } finally {
      clearInterval(timer);
      if (live && turn > 0) stream.write('\r\x1b[2K');
    }
  };

  return { log, step };
};

/** @typedef {ReturnType<typeof createReporter>} Reporter */
