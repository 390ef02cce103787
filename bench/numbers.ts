/** Numbers of a command line. */
import { InvalidArgumentError } from 'commander';

/** Numbers above 0, separated by commas. */
export function numbers(text: string): number[] {
  const found = text.split(',').map((one) => one.trim());
  if (!found.every((one) => /^[1-9]\d{0,3}$/.test(one))) throw new InvalidArgumentError('It takes numbers, by commas.');
  return found.map(Number);
}
