/** The law of a sync, on the projection of the content service: whatever was held, it holds what the files say. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { patched, restored, stored, withdrawn } from '../../../test/support/events.ts';
import { fold } from '../../../test/support/projection.ts';
import type { VersionsAnswer } from '../../bus/event/item-version.ts';
import type { CloudEvent, ItemData } from '../../bus/event/types.ts';
import type { ProjectionStore } from '../../bus/projection/store.ts';
import { completeConfig } from '../../config/load.ts';
import { contentProjection } from '../../content/projection.ts';
import { versionsEndpoint } from '../../content/versions.ts';
import { differenceOf, missingFrom, withdrawalOf } from './difference.ts';
import type { Catalogue } from './held.ts';

const SOURCE = 'import-shop';
const config = completeConfig({});
const items = ['a', 'b', 'c', 'd'];

/** One catalogue of a source: the price of each item, or none of it. */
const files = fc.record(Object.fromEntries(items.map((item) => [item, fc.option(fc.integer({ min: 1, max: 2 }))])));
const step = fc.oneof(
  // Some of the imports are killed once they have published so many events.
  fc.record({ files, cut: fc.option(fc.nat(5)) }),
  fc.record({ other: fc.constantFrom('patch', 'withdraw', 'restore'), item: fc.constantFrom(...items) }),
);

const data = (price: number): ItemData => ({ title: 'T', attributes: { price } });

interface Content {
  publish(events: readonly CloudEvent[]): void;
  held(): Catalogue;
  ids(): string[];
  fields(): Map<string, ItemData>;
  duplicates(): number;
}

let template: () => ProjectionStore;
beforeAll(() => {
  template = () => fold(contentProjection(), []).store;
});
const open: ProjectionStore[] = [];
afterAll(() => {
  for (const store of open) store.close();
});

function content(): Content {
  const store = template();
  open.push(store);
  const ids: string[] = [];
  const versions = versionsEndpoint(store.db, config);
  return {
    publish: (events) => {
      store.commit(stored(events, ids.length + 1), 'now');
      ids.push(...events.map(({ source, id }) => `${source}/${id}`));
    },
    held: () => {
      const answer = versions.handle({ n: 1_000 }) as VersionsAnswer;
      return new Map(
        answer.versions.map(({ item, withdrawn_by, ...rest }) => [item, { ...rest, withdrawnBy: withdrawn_by }]),
      );
    },
    ids: () => ids,
    fields: () =>
      new Map(
        store.db
          .prepare<[], { item: string; fields: string }>('SELECT item, fields FROM item')
          .all()
          .map(({ item, fields }) => [item, JSON.parse(fields) as ItemData]),
      ),
    duplicates: () => store.checkpoint().duplicates,
  };
}

function changes(held: Catalogue, wanted: ReadonlyMap<string, number>): CloudEvent[] {
  const rows = [...wanted].flatMap(
    ([subject, price]) =>
      differenceOf(
        { specversion: '1.0', id: 'row', source: SOURCE, type: 'content.published.v1', subject, data: data(price) },
        held.get(subject),
      ).events,
  );
  const { items: missing } = missingFrom((item) => wanted.has(item), held, SOURCE);
  return [...rows, ...missing.map((item) => withdrawalOf(item, held.get(item) as never, SOURCE))];
}

it('after any history of imports, killed imports and changes by others, an import brings about the state of the files', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      const service = content();
      const byOthers = new Set<string>();
      for (const one of steps) {
        if ('other' in one) {
          const event = {
            patch: () => patched(one.item, { attributes: { price: 3 } }),
            withdraw: () => withdrawn(one.item, { source: 'operator' }),
            restore: () => restored(one.item, { source: 'operator' }),
          }[one.other as 'patch' | 'withdraw' | 'restore']();
          service.publish([event]);
          if (one.other === 'withdraw') byOthers.add(one.item);
          if (one.other === 'restore') byOthers.delete(one.item);
          continue;
        }
        const wanted = new Map(
          Object.entries(one.files).flatMap(([item, price]) => (price === null ? [] : [[item, price] as const])),
        );
        const planned = changes(service.held(), wanted);
        service.publish(planned.slice(0, one.cut ?? planned.length));
        if (one.cut !== null) service.publish(changes(service.held(), wanted));
        const held = service.held();
        const fields = service.fields();
        for (const [item, price] of wanted) {
          expect(fields.get(item), item).toEqual(data(price));
          expect(held.get(item)?.withdrawnBy === undefined, item).toBe(!byOthers.has(item));
        }
        for (const [item, { withdrawnBy }] of held) if (!wanted.has(item)) expect(withdrawnBy, item).toBeDefined();
        expect(changes(held, wanted)).toEqual([]);
      }
      // No event is one that the log held already.
      expect(new Set(service.ids()).size).toBe(service.ids().length);
      expect(service.duplicates()).toBe(0);
    }),
    { numRuns: 100 },
  );
});
