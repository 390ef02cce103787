/** The personal data in the model, for an export of a user's data. */
import { userId } from '../../bus/event/ids.ts';
import type { PersonalDataRecord, PersonalDataSource } from '../../bus/projection/personal-data.ts';
import type { Model, PersonalData } from '../model/mod.ts';

const PARTS: readonly (keyof PersonalData)[] = ['history', 'dismissed', 'shown'];

export const personalDataOf = (model: Pick<Model, 'personalData'>): PersonalDataSource[] =>
  PARTS.map((part) => ({
    part: `model_${part}`,
    read: (id, after, limit) => {
      const records: (PersonalDataRecord & { seq: number })[] = [];
      for (const record of model.personalData(userId(id))[part]) {
        if (record.seq <= after) continue;
        if (records.length === limit) break;
        records.push('time' in record ? { ...record, time: new Date(record.time).toISOString() } : { ...record });
      }
      return records;
    },
  }));
