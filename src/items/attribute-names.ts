/**
 * The names of attributes that items of the catalogue have, for warnings about those that none has. A service looks
 * through its rows once, when a request first names an attribute that it has not met.
 */
import { setImmediate } from 'node:timers/promises';
import type { Warning } from '../bus/nats/warning.ts';
import type { Effect } from '../bus/projection/after-commit.ts';
import { nearest } from '../nearest.ts';

export interface AttributeNames {
  /** Warnings about the names that no item has; `member` is the member of the request that holds them. */
  warningsFor(names: readonly string[], member: string): Warning[] | Promise<Warning[]>;
  /** Keeps the names up to date with the rows. */
  effect: Effect;
}

/** Where the items are: in the rows of a service. */
export interface ItemRows {
  /** Items with ids after this one, in order of id. */
  itemsAfter(item: string, count: number): { item: string; fields: string }[];
}

/** Items that a service reads at once, which takes a few milliseconds. */
const PAGE = 500;
/** Characters of a name that a warning shows. */
const SHOWN = 100;

export function createAttributeNames({ itemsAfter }: ItemRows): AttributeNames {
  // A name stays when the last item loses it; the service then gives no warning until its next start.
  let known = new Set<string>();
  let looking: Promise<void> | undefined;
  let complete = false;

  async function look(): Promise<void> {
    const names = known;
    for (let after = ''; ; ) {
      const page = itemsAfter(after, PAGE);
      for (const { fields } of page)
        for (const name of Object.keys((JSON.parse(fields) as { attributes?: object }).attributes ?? {}))
          names.add(name);
      if (page.length < PAGE) break;
      after = page[page.length - 1]?.item as string;
      await setImmediate();
    }
    if (names === known) complete = true;
  }

  const warnings = (names: readonly string[], member: string): Warning[] =>
    names
      .filter((name) => !known.has(name))
      .map((name) => {
        const near = nearest(name, known);
        const next =
          near === undefined ? 'Check the name, or publish items with it.' : `Did you mean ${JSON.stringify(near)}?`;
        return {
          code: 'FRESHET_ATTRIBUTE_UNKNOWN',
          member,
          message: `No item of the catalogue has the attribute ${JSON.stringify(name.slice(0, SHOWN))}. ${next}`,
        };
      });

  return {
    warningsFor: (names, member) => {
      if (complete || names.every((name) => known.has(name))) return warnings(names, member);
      looking ??= look();
      return looking.then(() => warnings(names, member));
    },
    effect: {
      name: 'attribute names',
      afterCommit: ({ events }) => {
        for (const event of events)
          if (event.type === 'content.published.v1' || event.type === 'content.updated.v1')
            for (const name of Object.keys(event.data.attributes ?? {})) known.add(name);
      },
      derive: () => {
        known = new Set();
        looking = undefined;
        complete = false;
      },
    },
  };
}
