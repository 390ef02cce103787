/**
 * The engine's rows: interactions, links, traits and items. The model is a fold of the log and not of the rows, because
 * what it learns depends on the order of events. It reads facts that an event does not contain from the rows, as of the
 * position of the event. The rows may be ahead of the model, so the fold never deletes or overwrites these facts.
 */
import type { Database, Statement } from 'better-sqlite3';
import { isInteraction, type LoggedEvent } from '../../bus/event/codec.ts';
import { eventIdentity } from '../../bus/event/ids.ts';
import { patchItem } from '../../bus/event/patch.ts';
import { countedTime } from '../../bus/event/time.ts';
import { foldTraits } from '../../bus/event/traits.ts';
import type { ItemData } from '../../bus/event/types.ts';
import type { ProjectionDefinition } from '../../bus/projection/definition.ts';
import { type ForgetRows, IDENTITY_SEQ, isKept } from '../../bus/projection/erasing.ts';
import { ofEvents, type PersonalDataRows } from '../../bus/projection/personal-data.ts';
import {
  LINK_HISTORY_DATA,
  LINK_HISTORY_SCHEMA,
  type LinkHistory,
  prepareLinkHistory,
  prepareSessionLinks,
  SESSION_LINKS_DATA,
  SESSION_LINKS_SCHEMA,
  type SessionLinks,
} from '../../bus/projection/session-links.ts';
import type { Config } from '../../config/schema.ts';
import {
  applyExperiment,
  EXPERIMENT_SCHEMA,
  type ExperimentTables,
  prepareExperiments,
} from '../../experiment/rows.ts';
import { RECORDS_SCHEMA } from '../artifacts/records.ts';
import { type Traits, type WeightsConfig, weigh } from '../model/mod.ts';
import { type Circumstance, circumstancesOf } from './context.ts';
import type { TakenLately } from './rows-beside.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS interaction (
  seq INTEGER PRIMARY KEY, user TEXT NOT NULL, item TEXT NOT NULL, weight INTEGER NOT NULL, negative INTEGER NOT NULL, time INTEGER NOT NULL,
  verb TEXT NOT NULL, context TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS context_taken (
  key TEXT NOT NULL, value TEXT NOT NULL, item TEXT NOT NULL, weight INTEGER NOT NULL, PRIMARY KEY (key, value, item)
) STRICT, WITHOUT ROWID;
${LINK_HISTORY_SCHEMA}
${SESSION_LINKS_SCHEMA}
CREATE TABLE IF NOT EXISTS traits (
  seq INTEGER PRIMARY KEY, user TEXT NOT NULL, type TEXT NOT NULL, traits TEXT NOT NULL, retracted INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS traits_user ON traits (user);
CREATE TABLE IF NOT EXISTS item (item TEXT PRIMARY KEY, fields TEXT NOT NULL, listed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawal (item TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
${EXPERIMENT_SCHEMA}
${RECORDS_SCHEMA}`;

const HELD: readonly PersonalDataRows[] = [
  { part: 'interaction', sql: ofEvents('interaction') },
  { part: 'traits', sql: 'SELECT seq AS key, traits.* FROM traits WHERE user = @user' },
  LINK_HISTORY_DATA,
  SESSION_LINKS_DATA,
];

export interface EngineTables extends ExperimentTables {
  links: SessionLinks;
  linkHistory: LinkHistory;
  interact: Statement;
  owner: Statement<[number], { user: string }>;
  counted: Statement<[number], { item: string; weight: number; negative: number; context: string | null }>;
  verb: Statement<[number], { verb: string }>;
  newest: Statement<[number], TakenLately>;
  addTaken: Statement;
  dropTaken: Statement;
  taken: Statement<[string, string, string], { weight: number }>;
  dropInteraction: Statement;
  identitySeq: Statement<[string], { seq: number }>;
  addTraits: Statement;
  traitsOwner: Statement<[number], { user: string }>;
  retractTraits: Statement;
  traitsThen: Statement<[string, number, number], { seq: number; type: string; traits: string }>;
  item: Statement<[string], { fields: string; listed: number }>;
  itemsAfter: Statement<[string, number], { item: string; fields: string }>;
  putItem: Statement;
  withdraw: Statement;
  restore: Statement;
  dropTraits: Statement;
  noteErasure: Statement;
}

export const prepareTables = (db: Database): EngineTables => ({
  ...prepareExperiments(db),
  links: prepareSessionLinks(db),
  linkHistory: prepareLinkHistory(db),
  interact: db.prepare('INSERT INTO interaction VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
  counted: db.prepare('SELECT item, weight, negative, context FROM interaction WHERE seq = ?'),
  verb: db.prepare('SELECT verb FROM interaction WHERE seq = ?'),
  newest: db.prepare('SELECT user, item, weight, time FROM interaction ORDER BY seq DESC LIMIT ?'),
  addTaken: db.prepare(
    'INSERT INTO context_taken VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET weight = weight + excluded.weight',
  ),
  dropTaken: db.prepare('DELETE FROM context_taken WHERE key = ? AND value = ? AND item = ? AND weight = 0'),
  taken: db.prepare('SELECT weight FROM context_taken WHERE key = ? AND value = ? AND item = ?'),
  owner: db.prepare('SELECT user FROM interaction WHERE seq = ?'),
  dropInteraction: db.prepare('DELETE FROM interaction WHERE seq = ?'),
  identitySeq: db.prepare(IDENTITY_SEQ),
  addTraits: db.prepare('INSERT INTO traits VALUES (?, ?, ?, ?, NULL)'),
  traitsOwner: db.prepare('SELECT user FROM traits WHERE seq = ? AND retracted IS NULL'),
  retractTraits: db.prepare('UPDATE traits SET retracted = ? WHERE seq = ?'),
  traitsThen: db.prepare(
    `SELECT seq, type, traits FROM traits
     WHERE user = ? AND seq <= ? AND (retracted IS NULL OR retracted > ?) AND ${isKept('traits.seq')}`,
  ),
  item: db.prepare('SELECT fields, listed FROM item WHERE item = ?'),
  itemsAfter: db.prepare('SELECT item, fields FROM item WHERE item > ? ORDER BY item LIMIT ?'),
  putItem: db.prepare('INSERT INTO item VALUES (?, ?, ?) ON CONFLICT (item) DO UPDATE SET fields = excluded.fields'),
  withdraw: db.prepare('INSERT INTO withdrawal VALUES (?) ON CONFLICT DO NOTHING'),
  restore: db.prepare('DELETE FROM withdrawal WHERE item = ?'),
  dropTraits: db.prepare('DELETE FROM traits WHERE seq = ?'),
  noteErasure: db.prepare('INSERT OR REPLACE INTO recorded_erasure VALUES (?, ?)'),
});

/** Weights by event type, from the configuration, in the units of the model. */
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
  /** Called with each user whom a record of an erasure forgets, and the record's position, before it is committed. */
  forgotten?: (user: string, seq: number) => void;
}

export function engineProjection({ config, forgotten }: EngineProjectionOptions): ProjectionDefinition<EngineTables> {
  const weights = weightsOf(config);
  return {
    service: 'engine',
    batchMax: config.engine.batch_max,
    batchMs: config.engine.batch_ms,
    batchRestMs: config.engine.batch_rest_ms,
    code: 6,
    inputs: { declared: [...config.events.declared].sort(), weights },
    schema: SCHEMA,
    tables: prepareTables,
    apply: (event, tables) => applyEngineEvent(event, tables, weights),
    forget: {
      ...FORGET_ROWS,
      cutOff: (gone, tables) => {
        forgotten?.(gone.user, gone.seq);
        return FORGET_ROWS.cutOff(gone, tables);
      },
    },
    personalData: HELD,
  };
}

/** Traits of a user, with those of the sessions linked to them, as of the event at this position. */
export function traitsAt(user: string, seq: number, tables: EngineTables): Traits {
  const events = tables.linkHistory.idsAt(user, seq).flatMap((id) => tables.traitsThen.all(id, seq, seq));
  events.sort((a, b) => a.seq - b.seq);
  return foldTraits(events.map(({ type, traits }) => ({ type, traits: JSON.parse(traits) })));
}

function applyEngineEvent(event: LoggedEvent, tables: EngineTables, weights: WeightsConfig): void {
  if (isInteraction(event)) {
    const { weight, negative } = weigh(event.verb, event.data.value, weights);
    if (weight === 0) return;
    const { item } = event.data;
    const circumstances = circumstancesOf(event.data.context);
    const context = circumstances.length === 0 ? null : JSON.stringify(circumstances);
    tables.interact.run(event.seq, event.subject, item, weight, negative, countedTime(event), event.verb, context);
    countContext({ item, weight, negative, context }, tables, 1);
    return;
  }
  switch (event.type) {
    case 'user.registered.v1':
    case 'user.updated.v1':
      tables.addTraits.run(event.seq, event.subject, event.type, JSON.stringify(event.data.traits ?? {}));
      return;
    case 'user.linked.v1': {
      const { session } = event.data;
      const counts = tables.links.link(session, tables.links.ownerOf(event.subject));
      tables.linkHistory.add({ seq: event.seq, session, claimant: event.subject, counts });
      return;
    }
    case 'user.retracted.v1': {
      const seq = tables.identitySeq.get(eventIdentity(event.data.source, event.data.id))?.seq;
      if (seq === undefined) return;
      const { ownerOf } = tables.links;
      const user = ownerOf(event.subject);
      const subject = tables.traitsOwner.get(seq)?.user;
      if (subject !== undefined && ownerOf(subject) === user) tables.retractTraits.run(event.seq, seq);
      const owner = tables.owner.get(seq)?.user;
      if (owner !== undefined && ownerOf(owner) === user) dropInteraction(seq, tables);
      return;
    }
    case 'control.experiment_started.v1':
    case 'control.experiment_ended.v1':
      applyExperiment(event, tables);
      return;
    case 'content.published.v1':
      tables.putItem.run(event.subject, JSON.stringify(event.data), countedTime(event));
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

function dropInteraction(seq: number, tables: EngineTables): void {
  const counted = tables.counted.get(seq);
  if (counted === undefined) return;
  countContext(counted, tables, -1);
  tables.dropInteraction.run(seq);
}

/** Sums by circumstance and item, by circumstance, by item, and in total. Negative feedback does not count. */
function countContext(
  { item, weight, negative, context }: { item: string; weight: number; negative: number; context: string | null },
  { addTaken, dropTaken }: EngineTables,
  sign: 1 | -1,
): void {
  if (context === null || negative > 0) return;
  for (const { key, value } of JSON.parse(context) as Circumstance[])
    for (const [v, i] of [
      [value, item],
      [value, ''],
      ['', item],
      ['', ''],
    ] as const) {
      addTaken.run(key, v, i, sign * weight);
      if (sign < 0) dropTaken.run(key, v, i);
    }
}

/** Removes the user's own rows. The model subtracts what it can; the rebuild removes the rest. */
const FORGET_ROWS: ForgetRows<EngineTables> = {
  cutOff: ({ user, seq, reach, sessions, first, due }, tables) => {
    const root = tables.links.ownerOf(user);
    tables.links.unlink(sessions, root);
    tables.linkHistory.dropOf(user, reach);
    if (first !== undefined) {
      tables.noteErasure.run(seq, first);
      due('the model cannot subtract what it learned in the order of events');
    }
    return root;
  },
  remove: ({ seqs }, tables) => {
    for (const seq of seqs) {
      dropInteraction(seq, tables);
      tables.dropTraits.run(seq);
    }
  },
};
