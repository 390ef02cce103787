/**
 * A ranking as JSON. With fields, most of an answer is the same text for the same item, which the engine writes once: to
 * write it for each answer would take a third of the time of a cached list.
 */
import type { ItemFields } from './item-fields.ts';
import type { ListItem, RankingAnswer } from './lists.ts';

/** By the object of the fields, which answers share until the item changes. */
const texts = new WeakMap<ItemFields, string>();

/** As `JSON.stringify` writes it, but for the order of the members. */
export function rankingJson(answer: RankingAnswer): string {
  const { items } = answer;
  if (items[0]?.fields === undefined) return JSON.stringify(answer);
  const rest = JSON.stringify({ ...answer, items: undefined });
  let list = itemJson(items[0]);
  for (let i = 1; i < items.length; i++) list += `,${itemJson(items[i] as ListItem)}`;
  return `${rest.slice(0, -1)},"items":[${list}]}`;
}

function itemJson(one: ListItem): string {
  const { item, score, fields, reasons, propensity, explored } = one;
  // The others are seldom there, and no text is shared if they are.
  const plain = reasons === undefined && propensity === undefined && explored === undefined;
  if (fields === undefined || !plain || !Number.isFinite(score)) return JSON.stringify(one);
  return `{"item":${JSON.stringify(item)},"score":${score},"fields":${textOf(fields)}}`;
}

function textOf(fields: ItemFields): string {
  const known = texts.get(fields);
  if (known !== undefined) return known;
  const text = JSON.stringify(fields);
  texts.set(fields, text);
  return text;
}
