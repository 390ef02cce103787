/** The version of an item: what the content service answers instead of its fields, and an import compares. */
import { canonicalJson, hash53 } from './canonical.ts';
import type { ItemData } from './types.ts';

export interface ItemVersion {
  item: string;
  /** Sequence of the last event that changed the item or its availability. */
  seq: number;
  /** {@link contentHash} of its fields. */
  hash: number;
  /** Source of its last publication. */
  source: string;
  /** Source of its last withdrawal; left out: the item is available. */
  withdrawn_by?: string;
}

export interface VersionsAnswer {
  /** In order of id. */
  versions: ItemVersion[];
  /** `cursor` of the next page; null for the last page. */
  next: string | null;
}

/** Hash of an item's fields, the same for equal fields in any order: a whole number of 53 bits. */
export const contentHash = (fields: ItemData): number => hash53(canonicalJson(fields));
