/**
 * The names of attributes that items of the catalogue have, for warnings about those that none has. The engine looks
 * through its rows once, when a request first names an attribute that it has not met.
 */
import { setImmediate } from 'node:timers/promises';
import type { Warning } from '../../bus/nats/warning.ts';
import { nearest } from '../../nearest.ts';
import type { RowsBeside } from '../fold/rows-beside.ts';

export interface AttributeNames {
  /** Warnings about the names that no item has; `member` is the member of the request that holds them. */
  warningsFor(names: readonly string[], member: string): Warning[] | Promise<Warning[]>;
  /** An item has these attributes from now on. */
  note(attributes: object | null | undefined): void;
  /** The rows are others. */
  reset(): void;
}

/** Items that the engine reads at once, which takes a few milliseconds. */
const PAGE = 500;
/** Characters of a name that a warning shows. */
const SHOWN = 100;

export function createAttributeNames({ itemsAfter }: Pick<RowsBeside, 'itemsAfter'>): AttributeNames {
  // A name stays when the last item loses it; the engine then gives no warning until its next start.
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
    note: (attributes) => {
      for (const name of Object.keys(attributes ?? {})) known.add(name);
    },
    reset: () => {
      known = new Set();
      looking = undefined;
      complete = false;
    },
  };
}
