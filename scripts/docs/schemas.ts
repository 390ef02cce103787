import { eventSchemas } from '../../src/bus/event/json-schema.ts';

export const SCHEMA_FOLDER = 'docs/reference/schemas';

/** One JSON Schema file per event type, by path. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    [...eventSchemas()].map(([type, schema]) => [
      `${SCHEMA_FOLDER}/${type}.json`,
      `${JSON.stringify(schema, null, 2)}\n`,
    ]),
  );
}
