/** Serving as a part of the engine: lists, experiments, explanations, and the effects of a commit on them. */

import { createEventPublisher } from '../../bus/log/event-publisher.ts';
import type { ServicePart } from '../../bus/service/description.ts';
import { MAIN } from '../../experiment/arms.ts';
import { isExperimentEvent } from '../../experiment/rows.ts';
import { createAttributeNames } from '../../items/attribute-names.ts';
import type { EngineContext } from '../engine-context.ts';
import type { ForgottenUsers } from '../fold/forgotten-users.ts';
import { NO_ROWS } from '../fold/rows-beside.ts';
import { engineEndpoints } from './endpoints.ts';
import { createExperiments, experimentEndpoints } from './experiments.ts';
import { createLists, type Lists, type ListsOptions } from './lists.ts';
import { movedBy } from './moved.ts';
import { createWhy } from './why.ts';
import { explainEndpoint } from './why-endpoint.ts';

/** Milliseconds after an answer in which the engine expects more requests. */
const ASKED_MS = 250;

export interface ServePartOptions {
  lists: Omit<ListsOptions, 'capacity' | 'bytes' | 'fieldsBytes' | 'onAnswer' | 'onCompute'>;
  forgotten: ForgottenUsers;
}

export interface ServePart extends ServicePart {
  lists: Lists;
  /** Whether the engine answered with a list within the last quarter of a second. */
  asked(): boolean;
  /**
   * The arm that an answer with the user's published list would name. Undefined if the arm changes the user's lists, so
   * that an answer differs from the published list.
   */
  publishedArm(user: string): string | undefined;
}

export function createServePart(context: EngineContext, { forgotten, ...options }: ServePartOptions): ServePart {
  const { config, codec, log, loop, publisher, reached, resolve, metrics } = context;
  const { db } = context.store;
  let answeredAt = Number.NEGATIVE_INFINITY;
  const lists = createLists({
    ...options.lists,
    behind: loop.lag,
    capacity: config.engine.cached_lists,
    bytes: {
      lists: config.engine.cached_list_bytes,
      pages: config.engine.cursor_bytes,
      segments: config.lists.segment_bytes,
    },
    fieldsBytes: config.lists.fields_bytes,
    onAnswer: (kind, age) => {
      answeredAt = performance.now();
      metrics.answers.inc({ kind });
      metrics.staleness.observe(age);
    },
    onCompute: (seconds) => metrics.compute.observe(seconds),
  });
  const experiments = createExperiments(db);
  const attributes = createAttributeNames(options.lists.rows ?? NO_ROWS);
  const withdrawn = db.prepare<[], { item: string }>('SELECT item FROM withdrawal');
  return {
    name: 'lists',
    lists,
    asked: () => performance.now() - answeredAt < ASKED_MS,
    publishedArm: (user) => {
      const arm = experiments.arm(user);
      if (!arm) return MAIN;
      return Object.keys(arm.settings).length === 0 ? arm.label : undefined;
    },
    endpoints: {
      ...engineEndpoints(lists, resolve, config, { attributes, experiments, model: options.lists.model }),
      ...experimentEndpoints({ db, codec, events: createEventPublisher({ publisher, log, codec }), reached }),
      explain: explainEndpoint(createWhy(options.lists), resolve, config, { experiments }),
    },
    effects: [
      {
        name: 'cached lists',
        afterCommit: ({ events }) => {
          for (const user of forgotten.users()) lists.forget(user);
          for (const event of events) {
            if (event.type === 'content.withdrawn.v1') lists.withdrawn(event.subject, true);
            if (event.type === 'content.restored.v1') lists.withdrawn(event.subject, false);
          }
          for (const user of movedBy(events, resolve, forgotten.forgottenAt).users) lists.moved(user);
        },
        derive: () => lists.reset([...withdrawn.iterate()].map(({ item }) => item)),
      },
      attributes.effect,
      {
        name: 'experiments',
        afterCommit: ({ events }) => {
          if (events.some(isExperimentEvent)) experiments.changed();
        },
        derive: experiments.changed,
      },
    ],
  };
}
