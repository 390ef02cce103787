/** Events of Metarank: items, users, rankings and interactions in one file. */
import type { ItemData } from '../../../bus/event/types.ts';
import { isObject } from '../../../is-object.ts';
import { rejectId } from '../../drafts.ts';
import { actOf, attributesOf, type ExportForm, idOf, type Json, textsOf, timeOf, userOf } from './export.ts';

const EVENTS = ['item', 'user', 'ranking', 'interaction'];
const isEvent = ({ event, id, timestamp }: Json): boolean =>
  EVENTS.includes(event as string) && id !== undefined && timestamp !== undefined;

/** `[{"name": "color", "value": "white"}]` as one object. */
const fieldsOf = (fields: unknown): Json =>
  Array.isArray(fields) ? Object.fromEntries(fields.filter(isObject).map(({ name, value }) => [name, value])) : {};

const NAMED = ['title', 'name', 'description', 'tags'];

function dataOf(item: string, fields: Json): ItemData {
  const data: ItemData = { title: idOf(fields.title) || idOf(fields.name) || item };
  const tags = textsOf(fields.tags);
  if (typeof fields.description === 'string') data.description = fields.description;
  if (tags.length > 0) data.tags = tags;
  const attributes = attributesOf(fields, NAMED);
  if (Object.keys(attributes).length > 0) data.attributes = attributes;
  return data;
}

export const metarank: ExportForm = {
  name: 'Metarank',
  roleOf: (objects) => {
    if (!objects.every(isEvent)) return undefined;
    const has = (event: string): boolean => objects.some((object) => object.event === event);
    if (has('interaction') || has('ranking')) return 'interactions';
    return has('item') ? 'items' : 'users';
  },
  reader: (options) => {
    // An event may hold a part of an item's fields; the others stay.
    const known = new Map<string, Json>();
    return (object, line) => {
      const time = timeOf(object.timestamp);
      switch (object.event) {
        case 'item': {
          const item = idOf(object.item);
          const wrong = rejectId(line, 'the item id', item);
          if (wrong) return [wrong];
          const fields = { ...known.get(item), ...fieldsOf(object.fields) };
          known.set(item, fields);
          return [{ kind: 'item', line, item, data: dataOf(item, fields), time }];
        }
        case 'user':
          return [userOf(object.user, attributesOf(fieldsOf(object.fields)), time, options, line)];
        case 'interaction': {
          const { user, session, item, timestamp, type } = object;
          return [actOf({ user: user ?? session, item, time: timestamp, verb: idOf(type) }, line)];
        }
        default:
          options.onRemark('rankings are not read, as their lists are not of Freshet', line);
          return [];
      }
    };
  },
};
