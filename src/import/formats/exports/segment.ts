/** Events of Segment and of collectors with the same calls, by the specification of e-commerce events. */
import { isObject } from '../../../is-object.ts';
import { type Draft, reject, rejectId, shown } from '../../drafts.ts';
import { actOf, attributesOf, type ExportForm, idOf, type Json, timeOf, userOf } from './export.ts';

const CALLS = ['track', 'identify', 'page', 'screen', 'group', 'alias'];
const isCall = (object: Json): boolean =>
  CALLS.includes(object.type as string) &&
  ('anonymousId' in object || 'userId' in object) &&
  ('timestamp' in object || 'originalTimestamp' in object);

/** The word for what a user does with each product of an event. */
const VERBS: Readonly<Record<string, string>> = {
  'product viewed': 'view',
  'product clicked': 'click',
  'product added': 'add',
  'product added to wishlist': 'wishlist',
  'wishlist product added to cart': 'add',
  'order completed': 'purchase',
};

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function productsOf(properties: Json): Json[] {
  const list = Array.isArray(properties.products) ? properties.products.filter(isObject) : [];
  return list.length > 0 ? list : [properties];
}

function track(object: Json, line: number, onRemark: (what: string, line: number) => void): Draft[] {
  const verb = VERBS[idOf(object.event).toLowerCase()];
  if (verb === undefined) {
    onRemark(`${shown(idOf(object.event))} is no event about a product that the import reads`, line);
    return [];
  }
  const properties = isObject(object.properties) ? object.properties : {};
  return productsOf(properties).map((product) => {
    const { price, quantity = 1 } = product;
    const value = verb === 'purchase' && isNumber(price) && isNumber(quantity) ? price * quantity : undefined;
    const item = product.product_id ?? product.sku;
    return actOf({ user: object.userId ?? object.anonymousId, item, time: whenOf(object), verb, value }, line);
  });
}

const whenOf = ({ timestamp, originalTimestamp }: Json): unknown => timestamp ?? originalTimestamp;

/** The session of an anonymous visitor who says who they are belongs to the user from then on. */
function link(object: Json, time: number | undefined, line: number): Draft[] {
  const [user, session] = [idOf(object.userId), idOf(object.anonymousId)];
  if (user === '' || session === '' || user === session) return [];
  const wrong = rejectId(line, 'the user id', user) ?? rejectId(line, 'the anonymous id', session);
  if (wrong) return [wrong];
  const event = {
    specversion: '1.0',
    id: `linked-${session}`.slice(0, 128),
    source: 'import-segment',
    type: 'user.linked.v1',
    subject: user,
    ...(time === undefined ? {} : { time: new Date(time).toISOString() }),
    datacontenttype: 'application/json',
    data: { session },
  };
  return [{ kind: 'event', line, time, json: JSON.stringify(event) }];
}

export const segment: ExportForm = {
  name: 'Segment',
  roleOf: (objects) => (objects.every(isCall) ? 'interactions' : undefined),
  reader: (options) => {
    /** Sessions whose link stands in the file already. */
    const linked = new Set<string>();
    return (object, line) => {
      const time = timeOf(whenOf(object));
      if (object.type === 'track') return track(object, line, options.onRemark);
      if (object.type !== 'identify') {
        options.onRemark(`calls of type ${shown(idOf(object.type))} are not read`, line);
        return [];
      }
      if (time === undefined)
        return [reject(line, 'FRESHET_IMPORT_ROW_TIME', `${shown(idOf(whenOf(object)))} is not a time`)];
      const traits = isObject(object.traits) ? attributesOf(object.traits) : {};
      const registered = object.userId == null ? [] : [userOf(object.userId, traits, time, options, line)];
      const session = idOf(object.anonymousId);
      if (linked.has(session)) return registered;
      const links = link(object, time, line);
      if (links.length > 0) linked.add(session);
      return [...registered, ...links];
    };
  },
};
