/** Exports of gorse: users, items and feedback, each in a file of its own. */
import type { ItemData } from '../../../bus/event/types.ts';
import { isObject } from '../../../is-object.ts';
import { rejectId } from '../../drafts.ts';
import { actOf, attributesOf, type ExportForm, idOf, type Json, textsOf, timeOf, userOf } from './export.ts';

const isFeedback = (object: Json): boolean => 'FeedbackType' in object && 'UserId' in object && 'ItemId' in object;
const isItem = (object: Json): boolean => 'ItemId' in object && ('IsHidden' in object || 'Categories' in object);
const isUser = (object: Json): boolean => 'UserId' in object && 'Labels' in object && !('ItemId' in object);

/** Labels are a list of texts, or an object of them. */
const labelsOf = (labels: unknown) => ({
  tags: textsOf(labels),
  attributes: isObject(labels) ? attributesOf(labels) : {},
});

export const gorse: ExportForm = {
  name: 'gorse',
  roleOf: (objects) => {
    if (objects.every(isFeedback)) return 'interactions';
    if (objects.every(isItem)) return 'items';
    return objects.every(isUser) ? 'users' : undefined;
  },
  reader: (options) => (object, line) => {
    if (isFeedback(object)) {
      const { UserId: user, ItemId: item, Timestamp: time, FeedbackType: verb, Value: value } = object;
      return [actOf({ user, item, time, verb: idOf(verb), value }, line)];
    }
    const { tags, attributes } = labelsOf(object.Labels);
    if (!isItem(object)) {
      const labels = tags.length > 0 ? { labels: tags } : attributes;
      return [userOf(object.UserId, labels, undefined, options, line)];
    }
    const item = idOf(object.ItemId);
    const wrong = rejectId(line, 'the item id', item);
    if (wrong) return [wrong];
    if (object.IsHidden === true) {
      options.onRemark('a hidden item is not imported', line);
      return [];
    }
    const published = timeOf(object.Timestamp);
    const data: ItemData = { title: idOf(object.Comment) || item };
    const all = [...new Set([...textsOf(object.Categories), ...tags])];
    if (all.length > 0) data.tags = all;
    if (Object.keys(attributes).length > 0) data.attributes = attributes;
    if (published !== undefined && published > 0) data.published = new Date(published).toISOString();
    return [{ kind: 'item', line, item, data, time: undefined }];
  },
};
