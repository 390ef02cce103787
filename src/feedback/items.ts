/** Impressions and reactions by item: the endpoints `items` and `item` of the feedback service. */
import type { Database } from 'better-sqlite3';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError, NotFoundError, ServiceUnavailableError } from '../errors.ts';
import { lacksItemReactions } from './counters.ts';
import { type Counts, type Rate, rateOf } from './rate.ts';
import { feedbackRequests } from './requests.ts';

export type ItemRate = Rate & { item: string };

export interface ItemsAnswer {
  /** Items that lists have shown. */
  shown: number;
  /** Items that are published and not withdrawn, and that no list has shown. */
  never_shown: number;
  items: ItemRate[];
  /** `cursor` of the next page; null for the last page. */
  next: string | null;
}

export interface ItemAnswer extends ItemRate {
  /** Positions from 50 on count in the totals alone. */
  by_position: (Rate & { position: number })[];
}

type Row = Counts & { item: string };

const SHOWN = "exposure.kind = 'all' AND exposure.key = ''";
const REACTIONS = `
  (SELECT coalesce(sum(clicks), 0) FROM item_reaction WHERE item_reaction.item = exposure.item) AS clicks,
  (SELECT coalesce(sum(dismissals), 0) FROM item_reaction WHERE item_reaction.item = exposure.item) AS dismissals,
  (SELECT coalesce(sum(conversions), 0) FROM item_reaction WHERE item_reaction.item = exposure.item) AS conversions`;
const NEVER = `NOT EXISTS (SELECT 1 FROM exposure WHERE ${SHOWN} AND exposure.item = item.item)`;
const WITHDRAWN = 'EXISTS (SELECT 1 FROM withdrawal WHERE withdrawal.item = item.item)';

/** The place of an item in the order by impressions: `<impressions> <item>`. */
const CURSOR = /^(\d{1,15}) (.+)$/s;

/** @param stale whether the rows have the fold version of another release, which kept no withdrawals */
export function itemEndpoints(
  db: Database,
  config: Pick<Config, 'feedback' | 'http'>,
  stale = false,
): Record<string, Endpoint> {
  const incomplete = stale || lacksItemReactions(db);
  const requests = feedbackRequests(config);
  // The reactions of the items of a page alone.
  const mostShown = db.prepare<object, Row>(
    `SELECT item, impressions, ${REACTIONS} FROM (
       SELECT item, impressions FROM exposure WHERE ${SHOWN}
         AND (impressions < @impressions OR (impressions = @impressions AND item > @item))
       ORDER BY impressions DESC, item LIMIT @n) AS exposure ORDER BY impressions DESC, item`,
  );
  const never = db.prepare<[string, number], { item: string }>(
    `SELECT item FROM item WHERE item > ? AND ${NEVER} AND NOT ${WITHDRAWN} ORDER BY item LIMIT ?`,
  );
  const counts = db.prepare<[], { shown: number; never_shown: number }>(
    `SELECT (SELECT coalesce(sum(items), 0) FROM spread WHERE kind = 'all') AS shown,
       (SELECT count(*) FROM item) - (SELECT coalesce(sum(covered), 0) FROM part WHERE kind = 'all')
         - (SELECT count(*) FROM withdrawal JOIN item USING (item) WHERE ${NEVER}) AS never_shown`,
  );
  const one = db.prepare<[string], Row>(
    `SELECT item, impressions, ${REACTIONS} FROM exposure WHERE ${SHOWN} AND item = ?`,
  );
  const isPublished = db.prepare<[string], number>('SELECT 1 FROM item WHERE item = ?').pluck();
  const byPosition = db.prepare<[string], Counts & { position: number }>(
    `SELECT part.key AS position, exposure.impressions, coalesce(item_reaction.clicks, 0) AS clicks,
       coalesce(item_reaction.dismissals, 0) AS dismissals, coalesce(item_reaction.conversions, 0) AS conversions
     FROM part JOIN exposure ON exposure.kind = 'position' AND exposure.key = part.key AND exposure.item = ?
     LEFT JOIN item_reaction ON item_reaction.item = exposure.item AND item_reaction.position = part.key
     WHERE part.kind = 'position' ORDER BY part.key`,
  );
  const nothing = { impressions: 0, clicks: 0, dismissals: 0, conversions: 0 };
  const withRate = ({ item, ...own }: Row): ItemRate => ({ item, ...rateOf(own) });

  /** Throws `ServiceUnavailableError` while the rows are those of an earlier release. */
  function complete(): void {
    if (incomplete)
      throw new ServiceUnavailableError(
        'An earlier release wrote the projection of the feedback service and counted nothing by item. The service rebuilds it.',
        { next: 'send the request again later; freshet status shows the rebuild' },
      );
  }

  function pageOfShown(n: number, cursor: string | undefined): Pick<ItemsAnswer, 'items' | 'next'> {
    const [, impressions, item] = (cursor === undefined ? undefined : CURSOR.exec(cursor)) ?? [];
    if (cursor !== undefined && item === undefined)
      throw new BadRequestError('The cursor is not from an answer in this order. Leave it out for the first page.', {
        details: { member: 'cursor' },
      });
    const rows = mostShown.all({
      impressions: Number(impressions ?? Number.MAX_SAFE_INTEGER),
      item: item ?? '',
      n: n + 1,
    });
    const last = rows[n - 1];
    return {
      items: rows.slice(0, n).map(withRate),
      next: rows.length > n && last ? `${last.impressions} ${last.item}` : null,
    };
  }

  function pageOfNever(n: number, cursor = ''): Pick<ItemsAnswer, 'items' | 'next'> {
    const rows = never.all(cursor, n + 1);
    return {
      items: rows.slice(0, n).map(({ item }) => ({ item, ...rateOf(nothing) })),
      next: rows.length > n ? (rows[n - 1]?.item ?? null) : null,
    };
  }

  return {
    items: defineEndpoint({
      description: 'Impressions and reactions by item, the items shown most first; or the items that no list has shown',
      example: { order: 'impressions', n: 20 },
      request: requests.items,
      handle: ({ order = 'impressions', n = config.feedback.items_default, cursor }): ItemsAnswer => {
        complete();
        const { shown, never_shown } = counts.get() as { shown: number; never_shown: number };
        return { shown, never_shown, ...(order === 'never' ? pageOfNever(n, cursor) : pageOfShown(n, cursor)) };
      },
    }),
    item: defineEndpoint({
      description: 'Impressions of one item and reactions to it, in all and by position',
      example: { item: 'i7' },
      request: requests.item,
      handle: ({ item }): ItemAnswer => {
        complete();
        const row = one.get(item);
        if (!row && isPublished.get(item) === undefined)
          throw new NotFoundError(`Nobody has published the item ${JSON.stringify(item)}, and no list has shown it.`, {
            next: 'check the id',
            details: { item },
          });
        const by_position = byPosition.all(item).map(({ position, ...own }) => ({ position, ...rateOf(own) }));
        return { ...withRate(row ?? { item, ...nothing }), by_position };
      },
    }),
  };
}
