/** Members that requests to several services have, as schemas. */
import { type TArray, type TProperties, Type } from 'typebox';
import type { Config } from '../../config/schema.ts';
import { idProblem, MAX_ID_BYTES } from '../event/ids.ts';

/** The schema of a request with these members and no others. */
export const request = <P extends TProperties>(members: P) => Type.Object(members, { additionalProperties: false });

/** An id of a user, an item, an event or another thing; its bytes are checked as well. */
export const id = (description: string, example: string) =>
  Type.Refine(
    Type.String({
      minLength: 1,
      maxLength: MAX_ID_BYTES,
      description: `${description}: 1 to ${MAX_ID_BYTES} bytes of printable UTF-8`,
      examples: [example],
    }),
    (value) => idProblem(value) === undefined,
    (value) => idProblem(value) ?? '',
  );

export const ids = (most: number, description: string, example: string[]) =>
  Type.Array(id('an id', example[0] as string), { maxItems: most, description, examples: [example] });

/**
 * A list of texts that a query over HTTP holds in one parameter, separated by commas (OpenAPI: `explode: false`). A list
 * in which a text holds a comma is JSON there. Over NATS and in a body it is an array.
 */
export const byCommas = <T extends TArray>(list: T): T => Object.assign(list, { explode: false });

/** Most fields that a request may name, and characters of a name. */
const FIELDS_MOST = 100;
const FIELD_LENGTH = 1_000;

/** @param had the fields that items of the answer may have, in words */
export const fieldNames = (had: string) =>
  byCommas(
    Type.Array(Type.String({ minLength: 1, maxLength: FIELD_LENGTH }), {
      maxItems: FIELDS_MOST,
      description: `each item comes with these fields of the catalogue, in its member fields: ${had}`,
      examples: [['title', 'attributes.price']],
    }),
  );

/** A position in the log. */
export const seq = (description: string, { minimum = 0, example = 4711 } = {}) =>
  Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER, description, examples: [example] });

/** Most records in an answer. */
export const count = (most: number, otherwise: number, what: string) =>
  Type.Integer({
    minimum: 1,
    maximum: most,
    default: otherwise,
    description: `most ${what} in the answer`,
    examples: [otherwise],
  });

/** The cursor of a page. */
export const cursor = (description: string) => Type.String({ maxLength: 1_000, description });

/** The wait for a position of the log, which every read takes. */
export const freshness = ({ min_seq_timeout_ms, min_seq_timeout_max_ms }: Config['http']) => ({
  min_seq: Type.Optional(
    seq('the answer comes from a state that holds the event with this sequence (seq of a publish answer)'),
  ),
  timeout_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: min_seq_timeout_max_ms,
      default: min_seq_timeout_ms,
      description: 'milliseconds that the service waits for min_seq before it answers 504',
      examples: [min_seq_timeout_ms],
    }),
  ),
});
