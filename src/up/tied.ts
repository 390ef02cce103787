/** Ties a program that knows nothing of its parent to it: the program gets SIGTERM when the parent is gone, however it went. */

export interface TiedCommand {
  command: string;
  args: string[];
}

/**
 * Reads the pipe that the parent holds open, beside the program. Its end means that the parent is gone; a line, that the
 * program has ended. `$$` is the process that becomes the program.
 */
const TIE = 'exec 3<&0; { read -r _ <&3 || kill -TERM $$; } & exec 3<&- 0</dev/null; exec "$0" "$@"';

/** The line that ends the tie of a program which has ended. */
export const UNTIE = '\n';

/**
 * A command that runs a program tied to the pipe at its standard input. The process has the pid of the program. Windows
 * has no shell for it, and gets the program alone.
 */
export const tied = (path: string, args: readonly string[], platform = process.platform): TiedCommand =>
  platform === 'win32' ? { command: path, args: [...args] } : { command: '/bin/sh', args: ['-c', TIE, path, ...args] };
