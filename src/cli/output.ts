/** The output of a command: results go to standard output, everything else to standard error. */
import { isFreshetError, messageOf, UsageError } from '../errors.ts';

/** Exit codes of every verb. */
export const EXIT = { ok: 0, failure: 1, usage: 2 } as const;

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value));
export const note = (text: string): void => void process.stderr.write(`${text}\n`);

/**
 * Prints `CODE: message`, then the command to run next: the one of the error, or else `otherwise`. Returns the exit code.
 */
export function report(err: unknown, otherwise?: string): number {
  const code = (err as { code?: unknown }).code;
  if (isFreshetError(err) || (typeof code === 'string' && code.startsWith('FRESHET_'))) {
    note(`${String(code)}: ${messageOf(err)}`);
    const next = (err as { next?: string }).next ?? otherwise;
    if (next) note(`Next: ${next}`);
    return err instanceof UsageError ? EXIT.usage : EXIT.failure;
  }
  note(`FRESHET_INTERNAL: ${err instanceof Error ? (err.stack ?? err.message) : String(err)}`);
  return EXIT.failure;
}

/** A table with aligned columns, two spaces between them, and numbers aligned to the right. */
export function table(rows: readonly (readonly (string | number)[])[], header?: readonly string[]): string {
  const lines = [...(header ? [header] : []), ...rows].map((row) =>
    row.map((cell) => (typeof cell === 'number' ? count(cell) : cell)),
  );
  const numeric = (column: number): boolean => rows.length > 0 && rows.every((row) => typeof row[column] === 'number');
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => width(line[column] ?? ''))));
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const gap = ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
          return numeric(column) ? gap + cell : cell + gap;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Approximate width of a text in a terminal, in cells: one per code point, two per wide one. */
function width(text: string): number {
  let cells = 0;
  for (const character of text)
    cells +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1faff}]/u.test(
        character,
      )
        ? 2
        : 1;
  return cells;
}

export const count = (n: number): string =>
  Number.isInteger(n) ? n.toLocaleString('en') : n.toLocaleString('en', { maximumFractionDigits: 4 });

/** `12.3 MiB` */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB'];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? bytes : value.toFixed(1)} ${units[power]}`;
}

export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${Math.round(seconds % 60)} s`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
