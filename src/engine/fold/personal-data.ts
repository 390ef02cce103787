/** What the model in memory holds on a person, for who asks to see it. */
import { userId } from '../../bus/event/ids.ts';
import type { HeldMemory, HeldRecord } from '../../bus/projection/personal-data.ts';
import type { HeldOfUser, Model } from '../model/mod.ts';

const PARTS: readonly (keyof HeldOfUser)[] = ['history', 'dismissed', 'shown'];

export const heldByModel = (model: Pick<Model, 'held'>): HeldMemory[] =>
  PARTS.map((part) => ({
    part: `model_${part}`,
    read: (id, after, limit) => {
      const records: (HeldRecord & { seq: number })[] = [];
      for (const record of model.held(userId(id))[part]) {
        if (record.seq <= after) continue;
        if (records.length === limit) break;
        records.push('time' in record ? { ...record, time: new Date(record.time).toISOString() } : { ...record });
      }
      return records;
    },
  }));
