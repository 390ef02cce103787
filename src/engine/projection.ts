/**
 * The engine's rows: what the model was folded from, so that a start folds these instead of the whole log. Statistics
 * are no rows: they follow from the histories within seconds.
 */
import type { Database, Statement } from 'better-sqlite3';
import { isInteraction, type LoggedEvent } from '../bus/event/codec.ts';
import { eventIdentity } from '../bus/event/ids.ts';
import { patchItem } from '../bus/event/patch.ts';
import type { ItemData } from '../bus/event/types.ts';
import type { FoldClock, ProjectionDefinition } from '../bus/projection/definition.ts';
import type { Config } from '../config/schema.ts';
import { type WeightsConfig, weigh } from './model/mod.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS interaction (
  seq INTEGER PRIMARY KEY, user TEXT NOT NULL, item TEXT NOT NULL, weight INTEGER NOT NULL, negative INTEGER NOT NULL, time INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS claim (seq INTEGER PRIMARY KEY, session TEXT NOT NULL, claimant TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS link (session TEXT PRIMARY KEY, user TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS link_user ON link (user);
CREATE TABLE IF NOT EXISTS traits (
  user TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, traits TEXT NOT NULL, PRIMARY KEY (user, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS item (item TEXT PRIMARY KEY, fields TEXT NOT NULL, listed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawal (item TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;`;

export interface EngineTables {
  interact: Statement;
  owner: Statement<[number], { user: string }>;
  dropInteraction: Statement;
  identitySeq: Statement<[string], { seq: number }>;
  resolve: Statement<[string], { user: string }>;
  claim: Statement;
  claimAt: Statement<[number], { session: string }>;
  link: Statement;
  relink: Statement;
  addTraits: Statement;
  moveTraits: Statement;
  dropTraits: Statement;
  traits: Statement<[string], { type: string; traits: string }>;
  item: Statement<[string], { fields: string; listed: number }>;
  putItem: Statement;
  withdraw: Statement;
  restore: Statement;
}

export const prepareTables = (db: Database): EngineTables => ({
  interact: db.prepare('INSERT INTO interaction VALUES (?, ?, ?, ?, ?, ?)'),
  owner: db.prepare('SELECT user FROM interaction WHERE seq = ?'),
  dropInteraction: db.prepare('DELETE FROM interaction WHERE seq = ?'),
  identitySeq: db.prepare('SELECT seq FROM identity WHERE identity = ?'),
  resolve: db.prepare('SELECT user FROM link WHERE session = ?'),
  claim: db.prepare('INSERT INTO claim VALUES (?, ?, ?)'),
  claimAt: db.prepare('SELECT session FROM claim WHERE seq = ?'),
  link: db.prepare('INSERT INTO link VALUES (?, ?) ON CONFLICT DO NOTHING'),
  relink: db.prepare('UPDATE link SET user = ? WHERE user = ?'),
  addTraits: db.prepare('INSERT INTO traits VALUES (?, ?, ?, ?)'),
  moveTraits: db.prepare('UPDATE traits SET user = ? WHERE user = ?'),
  dropTraits: db.prepare('DELETE FROM traits WHERE user = ? AND seq = ?'),
  traits: db.prepare('SELECT type, traits FROM traits WHERE user = ? ORDER BY seq'),
  item: db.prepare('SELECT fields, listed FROM item WHERE item = ?'),
  putItem: db.prepare('INSERT INTO item VALUES (?, ?, ?) ON CONFLICT (item) DO UPDATE SET fields = excluded.fields'),
  withdraw: db.prepare('INSERT INTO withdrawal VALUES (?) ON CONFLICT DO NOTHING'),
  restore: db.prepare('DELETE FROM withdrawal WHERE item = ?'),
});

/** Weights as the configuration has them, by type, in the model's terms. */
export function weightsOf({ engine }: Config): WeightsConfig {
  const verbs = Object.entries(engine.weights).map(([type, weight]) => [type.split('.')[1] ?? type, weight]);
  return {
    verbs: Object.fromEntries(verbs),
    other: engine.declared_weight,
    verdicts: { rated: { low: engine.low_rating, negative: 16 } },
  };
}

export interface EngineProjectionOptions {
  config: Config;
  /** Called once a batch is committed. */
  committed: (events: readonly LoggedEvent[], clock: FoldClock) => void;
}

export function engineProjection({ config, committed }: EngineProjectionOptions): ProjectionDefinition<EngineTables> {
  const weights = weightsOf(config);
  return {
    service: 'engine',
    code: 2,
    inputs: { declared: [...config.events.declared].sort(), weights },
    schema: SCHEMA,
    tables: prepareTables,
    apply: (event, tables) => applyEngineEvent(event, tables, weights),
    committed,
  };
}

/** The user that counts for events published under this id. */
export const resolveUser = (id: string, tables: EngineTables): string => tables.resolve.get(id)?.user ?? id;

/** The event time as the model takes it: no later than when the log took the event. */
export const timeOf = (event: LoggedEvent): number => Math.min(event.time, event.timestamp);

function applyEngineEvent(event: LoggedEvent, tables: EngineTables, weights: WeightsConfig): void {
  if (isInteraction(event)) {
    const { weight, negative } = weigh(event.verb, event.data.value, weights);
    if (weight > 0) tables.interact.run(event.seq, event.subject, event.data.item, weight, negative, timeOf(event));
    return;
  }
  switch (event.type) {
    case 'user.registered.v1':
    case 'user.updated.v1':
      tables.addTraits.run(
        resolveUser(event.subject, tables),
        event.seq,
        event.type,
        JSON.stringify(event.data.traits ?? {}),
      );
      return;
    case 'user.linked.v1': {
      const user = resolveUser(event.subject, tables);
      const { session } = event.data;
      // Also those that are not in force: without the one that is (its user is forgotten) they would be.
      tables.claim.run(event.seq, session, event.subject);
      if (session === user || tables.link.run(session, user).changes === 0) return;
      tables.relink.run(user, session);
      tables.moveTraits.run(user, session);
      return;
    }
    case 'user.retracted.v1': {
      const seq = tables.identitySeq.get(eventIdentity(event.data.source, event.data.id))?.seq;
      if (seq === undefined) return;
      const user = resolveUser(event.subject, tables);
      if (tables.dropTraits.run(user, seq).changes > 0) return;
      const owner = tables.owner.get(seq)?.user;
      if (owner !== undefined && resolveUser(owner, tables) === user) tables.dropInteraction.run(seq);
      return;
    }
    case 'content.published.v1':
      tables.putItem.run(event.subject, JSON.stringify(event.data), timeOf(event));
      return;
    case 'content.updated.v1': {
      const row = tables.item.get(event.subject);
      if (row)
        tables.putItem.run(
          event.subject,
          JSON.stringify(patchItem(JSON.parse(row.fields) as ItemData, event.data)),
          row.listed,
        );
      return;
    }
    case 'content.withdrawn.v1':
      tables.withdraw.run(event.subject);
      return;
    case 'content.restored.v1':
      tables.restore.run(event.subject);
      return;
    default:
  }
}
