/** The model in memory: folded from the engine's rows at a start, and from events once they are committed. */
import type { Database } from 'better-sqlite3';
import { isInteraction, type LoggedEvent } from '../bus/event/codec.ts';
import { eventIdentity, itemId, userId } from '../bus/event/ids.ts';
import { foldTraits } from '../bus/event/traits.ts';
import type { ItemData } from '../bus/event/types.ts';
import type { Config } from '../config/schema.ts';
import { createModel, type Model, type WeightsConfig, weigh } from './model/mod.ts';
import { type EngineTables, resolveUser, timeOf } from './projection.ts';

/** An empty model under this configuration. */
export function emptyModel({ engine }: Config): Model {
  return createModel({
    statistics: { bucketMs: engine.popularity_bucket_ms },
    ranking: { serveUnpublished: engine.serve_unpublished, includeSeen: engine.include_seen },
  });
}

/** Folds the rows into an empty model; about two seconds for a million events. */
export function loadModel(model: Model, db: Database, tables: EngineTables, clock: number): void {
  const items = db.prepare<[], { item: string; fields: string; listed: number }>(
    'SELECT item, fields, listed FROM item ORDER BY item',
  );
  for (const { item, fields, listed } of items.iterate())
    model.publishItem(itemId(item), JSON.parse(fields) as ItemData, listed);
  const withdrawals = db.prepare<[], { item: string }>('SELECT item FROM withdrawal ORDER BY item');
  for (const { item } of withdrawals.iterate()) model.withdrawItem(itemId(item));
  const links = db.prepare<[], { session: string; claimant: string; seq: number }>(
    'SELECT session, claimant, seq FROM claim ORDER BY seq',
  );
  for (const { session, claimant, seq } of links.iterate()) model.link(userId(claimant), userId(session), seq);
  const interactions = db.prepare<
    [],
    { seq: number; user: string; item: string; weight: number; negative: number; time: number }
  >('SELECT seq, user, item, weight, negative, time FROM interaction ORDER BY seq');
  for (const row of interactions.iterate()) model.interact({ ...row, user: userId(row.user), item: itemId(row.item) });
  const users = db.prepare<[], { user: string }>('SELECT DISTINCT user FROM traits ORDER BY user').all();
  for (const { user } of users) readTraits(model, user, tables);
  model.clock = clock;
}

function readTraits(model: Model, user: string, tables: EngineTables): void {
  const rows = tables.traits.all(user);
  model.setTraits(userId(user), foldTraits(rows.map(({ type, traits }) => ({ type, traits: JSON.parse(traits) }))));
}

/** Folds events that have just been committed; what the rows know (identities, traits) is read from them. */
export function learn(
  model: Model,
  events: readonly LoggedEvent[],
  tables: EngineTables,
  weights: WeightsConfig,
): void {
  for (const event of events) {
    if (isInteraction(event)) {
      const { weight, negative } = weigh(event.verb, event.data.value, weights);
      if (weight > 0)
        model.interact({
          user: userId(event.subject),
          item: itemId(event.data.item),
          weight,
          negative,
          time: timeOf(event),
          seq: event.seq,
        });
      continue;
    }
    switch (event.type) {
      case 'user.registered.v1':
      case 'user.updated.v1':
        readTraits(model, resolveUser(event.subject, tables), tables);
        break;
      case 'user.linked.v1':
        model.link(userId(event.subject), userId(event.data.session), event.seq);
        // What was known of the session is known of the user now, and of the session no more.
        readTraits(model, event.data.session, tables);
        readTraits(model, resolveUser(event.subject, tables), tables);
        break;
      case 'user.retracted.v1': {
        const seq = tables.identitySeq.get(eventIdentity(event.data.source, event.data.id))?.seq;
        // A link stays: histories that were one are not told apart again by taking back who said so.
        if (seq !== undefined && !tables.claimAt.get(seq)) model.retract(userId(event.subject), seq);
        readTraits(model, resolveUser(event.subject, tables), tables);
        break;
      }
      case 'content.published.v1':
        model.publishItem(itemId(event.subject), event.data, timeOf(event));
        break;
      case 'content.updated.v1':
        model.updateItem(itemId(event.subject), event.data);
        break;
      case 'content.withdrawn.v1':
        model.withdrawItem(itemId(event.subject));
        break;
      case 'content.restored.v1':
        model.restoreItem(itemId(event.subject));
        break;
      default:
    }
  }
}
