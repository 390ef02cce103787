/** The projection of impressions and reactions: what each event writes. */
import type { Database, Statement } from 'better-sqlite3';
import { isInteraction, type LoggedEvent } from '../bus/event/codec.ts';
import { eventIdentity } from '../bus/event/ids.ts';
import { countedTime } from '../bus/event/time.ts';
import type { ProjectionDefinition } from '../bus/projection/definition.ts';
import { DUE_FOR_DOOMED, type ForgetRows, IDENTITY_SEQ, isKept } from '../bus/projection/erasing.ts';
import { ofEvents, type PersonalDataRows } from '../bus/projection/personal-data.ts';
import {
  prepareSessionLinks,
  SESSION_LINKS_DATA,
  SESSION_LINKS_SCHEMA,
  type SessionLinks,
} from '../bus/projection/session-links.ts';
import type { Config } from '../config/schema.ts';
import {
  applyExperiment,
  EXPERIMENT_SCHEMA,
  type ExperimentTables,
  isExperimentEvent,
  prepareExperiments,
} from '../experiment/rows.ts';
import { COUNTERS_DATA, COUNTERS_SCHEMA, type Counters, prepareCounters, type ReactionKind } from './counters.ts';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS served (
  list TEXT PRIMARY KEY, user TEXT NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL, snapshot TEXT NOT NULL,
  config TEXT NOT NULL, arm TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS served_user ON served (user, seq);
CREATE TABLE IF NOT EXISTS impression (
  list TEXT NOT NULL, position INTEGER NOT NULL, item TEXT NOT NULL, score REAL NOT NULL,
  propensity REAL, explored INTEGER NOT NULL, PRIMARY KEY (list, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outcome (
  seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, user TEXT NOT NULL, item TEXT NOT NULL, list TEXT, position INTEGER, time INTEGER NOT NULL,
  named TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS outcome_list ON outcome (list, position);
CREATE INDEX IF NOT EXISTS outcome_open ON outcome (user, item) WHERE list IS NULL;
CREATE TABLE IF NOT EXISTS served_again (seq INTEGER PRIMARY KEY, list TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS served_again_list ON served_again (list);
CREATE TABLE IF NOT EXISTS item (item TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS withdrawal (item TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
${COUNTERS_SCHEMA}
${SESSION_LINKS_SCHEMA}
${EXPERIMENT_SCHEMA}`;

const PERSONAL_DATA: readonly PersonalDataRows[] = [
  {
    part: 'served',
    sql: `SELECT seq AS key, served.*,
            (SELECT json_group_array(json_object('position', position, 'item', item, 'score', score,
              'propensity', propensity, 'explored', explored))
             FROM impression WHERE impression.list = served.list) AS items
          FROM served WHERE user = @user`,
  },
  { part: 'outcome', sql: ofEvents('outcome') },
  { part: 'served_again', sql: ofEvents('served_again') },
  COUNTERS_DATA,
  SESSION_LINKS_DATA,
];

export interface FeedbackTables extends ExperimentTables {
  counters: Counters;
  serve: Statement;
  impression: Statement;
  item: Statement;
  withdraw: Statement;
  restore: Statement;
  list: Statement<[string], { user: string; time: number }>;
  position: Statement<[string, string], { position: number }>;
  newestWith: Statement<[string, string, number, number], { list: string; position: number }>;
  outcome: Statement;
  adopt: Statement<object, { kind: ReactionKind }>;
  identitySeq: Statement<[string], { seq: number }>;
  dropOutcome: Statement<[number, string], { kind: ReactionKind; list: string | null; position: number | null }>;
  links: SessionLinks;
  moveServed: Statement<[string, string], { list: string }>;
  moveOutcomes: Statement;
  again: Statement;
  isAgain: Statement<[string], { list: string }>;
  dropAgain: Statement;
  servedAt: Statement<[string, number], { list: string }>;
  dropServed: Statement;
  dropImpressions: Statement;
  outcomeOf: Statement<[string], { seq: number }>;
  /** The report of a doomed list that has this id. */
  doomedList: Statement<[string], { seq: number }>;
  dueForDoomed: Statement<[string, number]>;
  rowUpTo: Statement<[{ user: string; reach: number }], { one: number }>;
  linked: Statement<[string], { session: string }>;
}

export function feedbackProjection(config: Config): ProjectionDefinition<FeedbackTables> {
  const windowMs = config.feedback.attribution_window_ms;
  return {
    service: 'feedback',
    code: 9,
    inputs: { windowMs, declared: [...config.events.declared].sort() },
    schema: SCHEMA,
    tables: prepareTables,
    apply: (event, tables) => applyFeedbackEvent(event, tables, windowMs),
    forget: FORGET_ROWS,
    gathered: ({ counters }) => counters,
    personalData: PERSONAL_DATA,
  };
}

function prepareTables(db: Database): FeedbackTables {
  return {
    ...prepareExperiments(db),
    counters: prepareCounters(db),
    serve: db.prepare('INSERT INTO served VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING'),
    impression: db.prepare('INSERT INTO impression VALUES (?, ?, ?, ?, ?, ?)'),
    item: db.prepare('INSERT INTO item VALUES (?) ON CONFLICT DO NOTHING'),
    withdraw: db.prepare('INSERT INTO withdrawal VALUES (?) ON CONFLICT DO NOTHING'),
    restore: db.prepare('DELETE FROM withdrawal WHERE item = ?'),
    list: db.prepare(`SELECT user, time FROM served WHERE list = ? AND ${isKept('served.seq')}`),
    position: db.prepare('SELECT position FROM impression WHERE list = ? AND item = ? ORDER BY position LIMIT 1'),
    newestWith: db.prepare(
      `SELECT list, position FROM served JOIN impression USING (list)
       WHERE user = ? AND item = ? AND time BETWEEN ? AND ? AND ${isKept('served.seq')} ORDER BY served.seq DESC LIMIT 1`,
    ),
    outcome: db.prepare('INSERT INTO outcome VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    adopt: db.prepare(
      `UPDATE outcome SET list = @list, position = @position
       WHERE user = @user AND item = @item AND list IS NULL AND (named IS NULL OR named = @list)
         AND time BETWEEN @from AND @to RETURNING kind`,
    ),
    identitySeq: db.prepare(IDENTITY_SEQ),
    dropOutcome: db.prepare('DELETE FROM outcome WHERE seq = ? AND user = ? RETURNING kind, list, position'),
    links: prepareSessionLinks(db),
    moveServed: db.prepare(`UPDATE served SET user = ? WHERE user = ? AND ${isKept('served.seq')} RETURNING list`),
    moveOutcomes: db.prepare(`UPDATE outcome SET user = ? WHERE user = ? AND ${isKept('outcome.seq')}`),
    again: db.prepare('INSERT INTO served_again VALUES (?, ?)'),
    isAgain: db.prepare(`SELECT list FROM served_again WHERE list = ? AND ${isKept('served_again.seq')} LIMIT 1`),
    dropAgain: db.prepare('DELETE FROM served_again WHERE seq = ?'),
    servedAt: db.prepare('SELECT list FROM served WHERE user = ? AND seq = ?'),
    dropServed: db.prepare('DELETE FROM served WHERE list = ?'),
    dropImpressions: db.prepare('DELETE FROM impression WHERE list = ?'),
    outcomeOf: db.prepare(`SELECT seq FROM outcome WHERE list = ? AND ${isKept('outcome.seq')} LIMIT 1`),
    doomedList: db.prepare(`SELECT seq FROM served WHERE list = ? AND NOT (${isKept('served.seq')})`),
    dueForDoomed: db.prepare(DUE_FOR_DOOMED),
    rowUpTo: db.prepare(
      `SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM served WHERE user = @user AND seq <= @reach)
         OR EXISTS (SELECT 1 FROM outcome WHERE user = @user AND seq <= @reach)`,
    ),
    linked: db.prepare('SELECT session FROM link WHERE user = ? LIMIT 1'),
  };
}

/** A propensity, or null if the value is not a probability above 0. */
const probability = (value: unknown): number | null =>
  typeof value === 'number' && value > 0 && value <= 1 ? value : null;

interface Reaction {
  seq: number;
  kind: ReactionKind;
  user: string;
  item: string;
  list: string | undefined;
  /** Counted time, milliseconds since 1970. */
  time: number;
}

function applyFeedbackEvent(event: LoggedEvent, tables: FeedbackTables, windowMs: number): void {
  if (isExperimentEvent(event)) applyExperiment(event, tables);
  if (event.type === 'content.published.v1' && tables.item.run(event.subject).changes > 0)
    tables.counters.publish(event.subject);
  // As in the content service, a withdrawal also holds for an item that is published later.
  if (event.type === 'content.withdrawn.v1') tables.withdraw.run(event.subject);
  if (event.type === 'content.restored.v1') tables.restore.run(event.subject);
  if (event.context !== 'user' && event.context !== 'feedback') return;
  const user = tables.links.ownerOf(event.subject);
  const time = countedTime(event);
  switch (event.type) {
    case 'feedback.served.v1': {
      const { list, items, snapshot, config, arm } = event.data;
      // Each list counts once. A second event with the same list id repeats the report.
      const isFirst = (): boolean => tables.serve.run(list, user, event.seq, time, snapshot, config, arm).changes > 0;
      if (!isFirst() && !(takeOverList(list, tables) && isFirst())) {
        tables.again.run(event.seq, list);
        return;
      }
      const [from, to] = [time - windowMs, time + windowMs];
      items.forEach(({ item, score, propensity, explored }, position) => {
        tables.impression.run(list, position, item, score, probability(propensity), explored === true ? 1 : 0);
        // The report of a list may arrive after the reactions to it. They belong to the first place of the item.
        for (const { kind } of tables.adopt.all({ list, position, user, item, from, to }))
          tables.counters.adopted(kind);
      });
      tables.counters.add(list);
      return;
    }
    case 'feedback.clicked.v1':
    case 'feedback.dismissed.v1': {
      const { item, list } = event.data;
      react(
        {
          seq: event.seq,
          kind: event.type === 'feedback.clicked.v1' ? 'clicked' : 'dismissed',
          user,
          item,
          list,
          time,
        },
        tables,
        windowMs,
      );
      return;
    }
    case 'user.linked.v1': {
      const { session } = event.data;
      if (!tables.links.link(session, user)) return;
      const moved = tables.moveServed.all(user, session).map(({ list }) => list);
      tables.counters.move(moved, session, user);
      tables.moveOutcomes.run(user, session);
      return;
    }
    case 'user.retracted.v1': {
      const seq = tables.identitySeq.get(eventIdentity(event.data.source, event.data.id))?.seq;
      if (seq !== undefined) dropReaction(seq, user, tables);
      return;
    }
    default:
      // An interaction that names a list is a conversion. Other interactions are not feedback.
      if (isInteraction(event) && event.data.list !== undefined)
        react(
          { seq: event.seq, kind: 'converted', user, item: event.data.item, list: event.data.list, time },
          tables,
          windowMs,
        );
  }
}

/**
 * Attributes a reaction to the list that it names, else to the newest list of the user with the item, within the window.
 * A reaction without such a list counts as unattributed until the report of a matching list arrives.
 */
function react({ seq, kind, user, item, list, time }: Reaction, tables: FeedbackTables, windowMs: number): void {
  const place =
    list === undefined
      ? tables.newestWith.get(user, item, time - windowMs, time + windowMs)
      : placeIn(list, { user, item, time }, tables, windowMs);
  tables.counters.react(place, kind, 1);
  tables.outcome.run(seq, kind, user, item, place?.list ?? null, place?.position ?? null, time, list ?? null);
}

/** Removes the reaction that a user's event at this position was, if it was one. */
function dropReaction(seq: number, user: string, tables: FeedbackTables): void {
  const dropped = tables.dropOutcome.get(seq, user);
  if (!dropped) return;
  const { kind, list, position } = dropped;
  tables.counters.react(list === null || position === null ? undefined : { list, position }, kind, -1);
}

function placeIn(
  list: string,
  { user, item, time }: Pick<Reaction, 'user' | 'item' | 'time'>,
  tables: FeedbackTables,
  windowMs: number,
): { list: string; position: number } | undefined {
  const served = tables.list.get(list);
  if (!served || served.user !== user || Math.abs(time - served.time) > windowMs) return undefined;
  const found = tables.position.get(list, item);
  return found ? { list, position: found.position } : undefined;
}

const AGAIN = 'the log holds two reports of a list of the user';
const REACTED = 'another user reacted to a list of the user';
const ROWS_REMAIN = 'rows of linked sessions remain';

/** Removes a doomed list, because another report has its id. False: there is none. */
function takeOverList(list: string, tables: FeedbackTables): boolean {
  const doomed = tables.doomedList.get(list);
  if (!doomed) return false;
  dropList(list, tables, (reason) => void tables.dueForDoomed.run(reason, doomed.seq));
  return true;
}

/** Removes a list of a forgotten user. */
function dropList(list: string, tables: FeedbackTables, due: (reason: string) => void): void {
  tables.counters.remove(list);
  tables.dropServed.run(list);
  tables.dropImpressions.run(list);
  if (tables.isAgain.get(list)) due(AGAIN);
  if (tables.outcomeOf.get(list)) due(REACTED);
}

/** Removes the rows of the user, wherever links have moved them. */
const FORGET_ROWS: ForgetRows<FeedbackTables> = {
  cutOff: ({ user, sessions, due }, tables) => {
    const root = tables.links.ownerOf(user);
    tables.links.unlink(sessions, root);
    if (root !== user && sessions.length > 0) due('sessions of the user are linked to another user');
    if (root === user && tables.linked.get(user)) due(ROWS_REMAIN);
    return root;
  },
  remove: ({ owner, seqs, due }, tables) => {
    for (const seq of seqs) {
      dropReaction(seq, owner, tables);
      tables.dropAgain.run(seq);
      const served = tables.servedAt.get(owner, seq);
      if (served) dropList(served.list, tables, due);
    }
  },
  end: ({ user, owner, reach, due }, tables) => {
    if (owner === user && tables.rowUpTo.get({ user, reach })) due(ROWS_REMAIN);
  },
};
