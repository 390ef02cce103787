/** Experiments as rows, written by their control events in every service that needs to know which one ran when. */
import type { Database, Statement } from 'better-sqlite3';
import type { LoggedEvent } from '../bus/event/codec.ts';
import { countedTime } from '../bus/event/time.ts';
import type { Arm, Experiment } from './arms.ts';

export const EXPERIMENT_SCHEMA = `
CREATE TABLE IF NOT EXISTS experiment (
  experiment TEXT PRIMARY KEY, arms TEXT NOT NULL, seq INTEGER NOT NULL, started INTEGER NOT NULL,
  ended_seq INTEGER, ended INTEGER, reason TEXT
) STRICT, WITHOUT ROWID;`;

export interface ExperimentTables {
  startExperiment: Statement;
  endExperiment: Statement;
  replaceExperiment: Statement;
}

export const prepareExperiments = (db: Database): ExperimentTables => ({
  startExperiment: db.prepare('INSERT INTO experiment VALUES (?, ?, ?, ?, NULL, NULL, NULL) ON CONFLICT DO NOTHING'),
  endExperiment: db.prepare(
    'UPDATE experiment SET ended_seq = ?, ended = ?, reason = ? WHERE experiment = ? AND ended_seq IS NULL',
  ),
  replaceExperiment: db.prepare(
    "UPDATE experiment SET ended_seq = ?, ended = ?, reason = 'another one was started' WHERE ended_seq IS NULL",
  ),
});

/** One experiment runs at a time: a start ends the one before. Each name can be used once. */
export function applyExperiment(event: LoggedEvent, tables: ExperimentTables): void {
  const time = countedTime(event);
  if (event.type === 'control.experiment_started.v1') {
    const { experiment, arms } = event.data;
    tables.replaceExperiment.run(event.seq, time);
    tables.startExperiment.run(experiment, JSON.stringify(arms), event.seq, time);
  } else if (event.type === 'control.experiment_ended.v1')
    tables.endExperiment.run(event.seq, time, event.data.reason ?? null, event.data.experiment);
}

export const isExperimentEvent = ({ type }: Pick<LoggedEvent, 'type'>): boolean =>
  type === 'control.experiment_started.v1' || type === 'control.experiment_ended.v1';

interface Row {
  experiment: string;
  arms: string;
  seq: number;
  started: number;
  ended_seq: number | null;
  ended: number | null;
  reason: string | null;
}

/** All experiments, newest first. */
export const experimentsIn = (db: Database): Experiment[] =>
  db
    .prepare<[], Row>('SELECT * FROM experiment ORDER BY seq DESC')
    .all()
    .map(({ arms, ended_seq, ...row }) => ({ ...row, arms: JSON.parse(arms) as Arm[], endedSeq: ended_seq }));
