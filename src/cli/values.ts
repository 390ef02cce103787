/** Parsers for the values of options. Each throws `InvalidArgumentError`. */
import { InvalidArgumentError } from 'commander';
import { parseTimestamp } from '../bus/event/time.ts';

export function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('Give a port from 0 to 65535.');
  return value;
}

/** A whole number of at least one. */
export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('Give a whole number of at least 1.');
  return Number(text);
}

/** A whole number of at least zero. */
export function whole(text: string): number {
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(Number(text)))
    throw new InvalidArgumentError('Give a whole number of at least 0.');
  return Number(text);
}

export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Give a number such as 4.5.');
  return value;
}

/** A time, milliseconds since 1970. */
export function time(text: string): number {
  const found = parseTimestamp(text);
  if (found === undefined) throw new InvalidArgumentError('Give a time such as 2026-11-23T10:00:00Z.');
  return found;
}

/** A JSON object. */
export function json(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // falls through to the error below
  }
  throw new InvalidArgumentError('Give a JSON object such as {"device": "phone", "hour": 8}.');
}

/** Names separated by commas. */
export const names = (text: string): string[] => text.split(',').map((name) => name.trim());
