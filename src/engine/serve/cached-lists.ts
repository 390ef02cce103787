/** Cached lists of users, and the withdrawn items that are left out of them. */
import { LRUCache } from 'lru-cache';
import type { ListSource } from '../model/mod.ts';
import { entriesBytes } from './bytes.ts';
import type { FieldsMark } from './item-fields.ts';
import type { ListItem } from './lists.ts';

export interface CachedList {
  items: ListItem[];
  /** By item: a mark of its fields when the engine computed the list. */
  marks: FieldsMark[];
  /** Log position that the engine computed it at. */
  seq: number;
  /** When the engine computed it: milliseconds, monotonic. */
  at: number;
  source: ListSource;
  /** Whether the user acted since. */
  moved: boolean;
}

export interface CachedLists {
  get(user: string): CachedList | undefined;
  /** Caches a user's list; drops the least recently used list if there are too many. */
  keep(user: string, list: CachedList): void;
  /** The user acted: the next request computes their list. */
  moved(user: string): void;
  /** An erasure forgot the user: the engine drops their list. */
  forget(user: string): void;
  /** The catalogue withdrew an item, or restored it. */
  withdrawn(item: string, is: boolean): void;
  isWithdrawn(item: string): boolean;
  /** Drops all cached lists; `withdrawn` names every item that is withdrawn now. */
  reset(withdrawn: Iterable<string>): void;
}

/**
 * @param capacity most lists in the cache
 * @param maxBytes most bytes of these lists
 */
export function createCachedLists(capacity: number, maxBytes = Number.MAX_SAFE_INTEGER): CachedLists {
  // LRUCache takes no maximum of 0: with a capacity of 0 nothing is put into it.
  const lists = new LRUCache<string, CachedList>({
    max: Math.max(1, capacity),
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ items }, user) => entriesBytes(user, idsOf(items)),
  });
  const withdrawnItems = new Set<string>();
  return {
    get: (user) => lists.get(user),
    keep: (user, list) => {
      if (capacity > 0) lists.set(user, list);
    },
    moved: (user) => {
      const list = lists.peek(user);
      if (list) list.moved = true;
    },
    forget: (user) => void lists.delete(user),
    withdrawn: (item, is) => {
      if (is) withdrawnItems.add(item);
      else withdrawnItems.delete(item);
    },
    isWithdrawn: (item) => withdrawnItems.has(item),
    reset: (withdrawn) => {
      lists.clear();
      withdrawnItems.clear();
      for (const item of withdrawn) withdrawnItems.add(item);
    },
  };
}

function* idsOf(items: readonly ListItem[]): Generator<string> {
  for (const { item } of items) yield item;
}
