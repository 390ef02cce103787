/** Answers of routes, for the OpenAPI document. The gateway does not cut answers to these schemas. */
import { Type } from 'typebox';
import { PROBLEM_MEDIA } from '../problems.ts';
import { Caller } from './caller.ts';
import { DeadLetterOutcome, DeadLetters } from './dead-letters.ts';
import { Erasure, Erasures } from './erasure.ts';
import { Event, Published } from './event.ts';
import { Experiment, Experiments, Promotion, Rollback, Shadow, Snapshots } from './experiments.ts';
import { Export } from './export.ts';
import { FeedbackItem, FeedbackItems, FeedbackSummary } from './feedback-summary.ts';
import { Catalogue, FoundItems, Item, Items } from './item.ts';
import { LogEntry, LogPage, LogStream, Publishers } from './log.ts';
import { Nothing, Ready } from './operations.ts';
import { PROBLEMS, Problem, type ProblemStatus } from './problem.ts';
import { PastStream, Ranking, RankingStream, Rankings, WhatIf } from './ranking.ts';
import { Shelves } from './shelves.ts';
import { RecentSystem, System } from './system.ts';
import { Token } from './token.ts';
import { FoundUsers, History, User } from './user.ts';

/** Schemas that the document names; answers refer to them. */
export const SHARED = {
  Problem,
  Event,
  Published,
  Ranking,
  Rankings,
  User,
  FoundUsers,
  Erasure,
  Erasures,
  Export,
  History,
  Item,
  Items,
  FoundItems,
  Catalogue,
  FeedbackSummary,
  FeedbackItems,
  FeedbackItem,
  Ready,
  Nothing,
  Shelves,
  Token,
  Caller,
  RankingStream,
  System,
  RecentSystem,
  LogEntry,
  LogPage,
  LogStream,
  Publishers,
  DeadLetters,
  DeadLetterOutcome,
  Experiment,
  Experiments,
  Shadow,
  Promotion,
  Snapshots,
  Rollback,
  WhatIf,
  PastStream,
} as const;
export type SharedName = keyof typeof SHARED;

const problemAnswer = (status: ProblemStatus) => ({
  description: PROBLEMS[status],
  content: { [PROBLEM_MEDIA]: { schema: Type.Ref('Problem#') } },
});

/** Media types of answers that are not JSON. */
const MEDIA: Partial<Record<SharedName, string>> = {
  RankingStream: 'text/event-stream',
  LogStream: 'text/event-stream',
  PastStream: 'text/event-stream',
};

/** Answers of a route: the one of success, of one of several shapes, and the problems that it may answer. */
export function answers(
  names: SharedName | readonly [SharedName, SharedName],
  description: string,
  problems: readonly ProblemStatus[],
  success: 200 | 202 = 200,
): Record<string, object> {
  const [name, ...others] = typeof names === 'string' ? [names] : names;
  const shapes = [name, ...others].map((one) => Type.Ref(`${one}#`));
  const schema = shapes.length === 1 ? shapes[0] : { anyOf: shapes };
  return {
    [success]: { description, content: { [MEDIA[name] ?? 'application/json']: { schema } } },
    ...Object.fromEntries(problems.map((status) => [status, problemAnswer(status)])),
  };
}

/** Problems that every read may answer. */
export const READ_PROBLEMS = [400, 401, 403, 429, 503, 504] as const;
