/** How an item of the files differs from what content holds, and the events that make content hold it. Plain functions. */
import { canonicalJson } from '../../bus/event/canonical.ts';
import { contentHash } from '../../bus/event/item-version.ts';
import type { CloudEvent, ItemData } from '../../bus/event/types.ts';
import { syncId } from '../identity.ts';
import type { Catalogue, Held } from './held.ts';

/** What a sync does with an item. An item that comes back is `restored`, whether its fields have changed or not. */
export type Change = 'new' | 'changed' | 'unchanged' | 'restored' | 'withdrawn';

/** The number of items by what the sync does with them. */
export type ChangeCounts = Record<Change, number>;

export const noChanges = (): ChangeCounts => ({ new: 0, changed: 0, unchanged: 0, restored: 0, withdrawn: 0 });

export interface Difference {
  change: Change;
  /** In the order in which they must be published. */
  events: CloudEvent[];
}

type PublishedEvent = Extract<CloudEvent, { type: 'content.published.v1' }>;

/**
 * The difference between a row of an item and what is held. It takes a row that the log cannot hold for a new or changed
 * item, so that publishing rejects it with the reason.
 *
 * @param event the event of the row: its subject, fields, source and time
 */
export function differenceOf(event: PublishedEvent, held: Held | undefined): Difference {
  const { source, subject: item, data } = event;
  const content = canonicalOf(data);
  if (content === undefined) return { change: held ? 'changed' : 'new', events: [event] };
  const same = held !== undefined && held.hash === contentHash(data);
  const published = same ? [] : [{ ...event, id: syncId('published', item, held?.seq, content) }];
  if (!held) return { change: 'new', events: published };
  // What another source has withdrawn stays withdrawn: an operator, or another import.
  if (held.withdrawnBy === source)
    return { change: 'restored', events: [...published, availability('restored', item, held, source)] };
  return { change: same ? 'unchanged' : 'changed', events: published };
}

/** The event that withdraws an item. */
export const withdrawalOf = (item: string, held: Held, source: string): CloudEvent =>
  availability('withdrawn', item, held, source);

export interface Missing {
  /** Items that this source published last, that are available, and that the files do not describe; in order of id. */
  items: string[];
  /** How many available items this source published last. */
  ofSource: number;
  /** How many available items the files do not describe and another source published last, by that source. */
  ofOthers: ReadonlyMap<string, number>;
}

/** Which items the files no longer describe. */
export function missingFrom(describes: (item: string) => boolean, held: Catalogue, source: string): Missing {
  const items: string[] = [];
  const ofOthers = new Map<string, number>();
  let ofSource = 0;
  for (const [item, { source: publisher, withdrawnBy }] of held) {
    if (withdrawnBy !== undefined) continue;
    if (publisher === source) ofSource++;
    if (describes(item)) continue;
    if (publisher === source) items.push(item);
    else ofOthers.set(publisher, (ofOthers.get(publisher) ?? 0) + 1);
  }
  return { items, ofSource, ofOthers };
}

function availability(verb: 'withdrawn' | 'restored', item: string, { seq }: Held, source: string): CloudEvent {
  return {
    specversion: '1.0',
    id: syncId(verb, item, seq, ''),
    source,
    type: `content.${verb}.v1`,
    subject: item,
    datacontenttype: 'application/json',
    data: {},
  };
}

function canonicalOf(data: ItemData): string | undefined {
  try {
    return canonicalJson(data);
  } catch {
    return undefined;
  }
}
