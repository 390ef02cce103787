/** Another process of Node, which prints its result as JSON. */
import { spawn } from 'node:child_process';

/**
 * Runs Node with these arguments and returns what the process printed. Rejects if it ends with another exit code than 0;
 * `what` names the work in that error.
 */
export function jsonOf<T>(args: readonly string[], what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(out) as T);
      else reject(new Error(`${what} ended with exit code ${code}`));
    });
  });
}
