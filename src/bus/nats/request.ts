/** Reads the members of a request. The errors name the member and the values that it takes. */
import { BadRequestError } from '../../errors.ts';
import { idProblem } from '../event/ids.ts';
import type { Json } from './micro.ts';

export function requiredId(request: Json, name: string): string {
  const bad = idProblem(request[name]);
  if (bad)
    throw new BadRequestError(
      `${name} ${request[name] === undefined ? 'is missing' : bad}. It takes 1 to 128 bytes of printable UTF-8.`,
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
    throw new BadRequestError(`${name} takes a whole number from ${range.min} to ${range.max}.`, {
      details: { member: name, given: value },
    });
  return value;
}

export function optionalFlag(request: Json, name: string, otherwise: boolean): boolean {
  const value = request[name];
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== 'boolean')
    throw new BadRequestError(`${name} takes true or false.`, { details: { member: name, given: value } });
  return value;
}

export function optionalText(request: Json, name: string): string | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > 1_000)
    throw new BadRequestError(`${name} takes a text of at most 1000 characters.`, { details: { member: name } });
  return value;
}

export function idList(request: Json, name: string, max: number): string[] {
  const value = request[name];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > max)
    throw new BadRequestError(`${name} takes a list of at most ${max} ids.`, { details: { member: name } });
  for (const id of value) {
    const bad = idProblem(id);
    if (bad) throw new BadRequestError(`${name} holds an id that ${bad}.`, { details: { member: name, given: id } });
  }
  return value as string[];
}

/** Throws `BadRequestError` for an unknown member, because the caller would not notice the mistake otherwise. */
export function onlyKnown(request: Json, members: ReadonlySet<string>): void {
  const stranger = Object.keys(request).find((name) => !members.has(name));
  if (stranger !== undefined)
    throw new BadRequestError(
      `The request has an unknown member ${stranger.slice(0, 100)}. It takes ${[...members].join(', ')}.`,
      { details: { member: stranger } },
    );
}
