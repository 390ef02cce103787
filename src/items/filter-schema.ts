/** The member of a request that holds a filter. `parseFilter` checks its content. */
import { Type } from 'typebox';
import { FILTER_OPERATORS } from './filter.ts';

/** @param fields the fields that the filter may name, beside attributes */
export const filterSchema = (fields: readonly string[]) =>
  Type.Record(Type.String(), Type.Unknown(), {
    description: `a part of MongoDB's query language: fields ${fields.join(', ')}, attributes.NAME; operators ${FILTER_OPERATORS.join(', ')}`,
    examples: [{ tags: 'sea', 'attributes.price': { $lt: 20 } }],
  });
