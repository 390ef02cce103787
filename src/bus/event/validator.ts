/** Checks of a JSON Schema. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

export interface SchemaError {
  /** The keyword of the schema that the value violates. */
  keyword: string;
  /** JSON pointer into the value. */
  instancePath: string;
  message: string;
}

export interface Validator {
  Check(value: unknown): boolean;
  Errors(value: unknown): SchemaError[];
}

/**
 * Compiles a schema at its first use. To compile one takes some 10 ms; the start of each process would pay for all, and
 * most processes use few.
 */
export function compiledAtFirstUse(schema: TSchema): Validator {
  let compiled: Validator | undefined;
  const get = (): Validator => {
    compiled ??= Compile(schema);
    return compiled;
  };
  return { Check: (value) => get().Check(value), Errors: (value) => get().Errors(value) };
}
