/** The events' schemas as files for others: JSON Schema (draft 2020-12), made from the types of the log. */
import type { TSchema } from 'typebox';
import { DECLARED_INTERACTION, EVENT_DATA, envelopeSchema } from './types.ts';

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** Represents all types that a configuration declares: `user.x_<verb>.v1`. */
export const DECLARED_TYPE = 'user.x_declared.v1';
/** The pattern of the names of declared types. */
export const DECLARED_TYPE_PATTERN = '^user\\.x_[a-z0-9_]{1,60}\\.v1$';

/** A schema as plain JSON. */
export type JsonSchema = Record<string, unknown>;

/** The schema of each type's whole event, envelope and data, by type; the declared ones as one, the last. */
export function eventSchemas(): Map<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>();
  for (const [type, data] of Object.entries(EVENT_DATA)) schemas.set(type, plain(envelopeSchema(type, data)));
  const declared = plain(envelopeSchema(DECLARED_TYPE, DECLARED_INTERACTION));
  const properties = declared.properties as JsonSchema;
  schemas.set(DECLARED_TYPE, {
    ...declared,
    title: 'user.x_<verb>.v1',
    description: 'An interaction of your own: the setting events.declared names it',
    properties: { ...properties, type: { type: 'string', pattern: DECLARED_TYPE_PATTERN } },
  });
  return schemas;
}

function plain(schema: TSchema): JsonSchema {
  const { $id, title, ...rest } = JSON.parse(JSON.stringify(schema)) as JsonSchema;
  return { $schema: DIALECT, $id, title, ...rest };
}
