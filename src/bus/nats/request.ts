/**
 * Reads members of requests whose endpoint has no schema. An error names the member, its value, and what the member
 * takes.
 */
import { BadRequestError } from '../../errors.ts';
import { idProblem } from '../event/ids.ts';
import type { Json } from './micro.ts';
import { shown } from './request-check.ts';

export function requiredId(request: Json, name: string): string {
  const bad = idProblem(request[name]);
  if (bad)
    throw new BadRequestError(
      `${name} ${request[name] === undefined ? 'is missing' : bad}. It must be a string of 1 to 128 bytes of printable UTF-8.`,
      {
        details: { member: name },
      },
    );
  return request[name] as string;
}

export function wholeNumber(request: Json, name: string, range: { default: number; min: number; max: number }): number {
  const value = request[name];
  if (value === undefined || value === null) return range.default;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < range.min || value > range.max)
    throw new BadRequestError(
      `${name} is ${shown(value)}. It must be a whole number from ${range.min} to ${range.max}.`,
      {
        details: { member: name, given: value },
      },
    );
  return value;
}

export function optionalFlag(request: Json, name: string, otherwise: boolean): boolean {
  const value = request[name];
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'boolean')
    throw new BadRequestError(`${name} is ${shown(value)}. It must be true or false.`, {
      details: { member: name, given: value },
    });
  return value;
}

export function optionalText(request: Json, name: string): string | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > 1_000)
    throw new BadRequestError(
      `${name} ${typeof value === 'string' ? `has ${value.length} characters` : `is ${shown(value)}`}. It must be a string of at most 1000 characters.`,
      { details: { member: name } },
    );
  return value;
}
