/** A ranked list, as the gateway answers it. */
import type { RankedItem as Item, Ranking as List } from '../../client/types.ts';

export type Reason = NonNullable<Item['reasons']>[number] & { item?: string; seq?: number };
export type RankedItem = Omit<Item, 'reasons'> & { reasons?: Reason[] };
export type Ranking = Omit<List, 'items'> & { items: RankedItem[] };

/** What the console shows of each item of a list. */
export const LIST_FIELDS = ['title', 'tags'];
