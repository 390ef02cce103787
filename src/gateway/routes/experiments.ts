/** `/v1/experiments`, `/v1/shadow`, `/v1/snapshots`: what changes the lists of users, and how it does. */
import type { FastifyInstance } from 'fastify';
import { RemoteProblemError } from '../../bus/nats/problem.ts';
import type { SnapshotsAnswer } from '../../engine/lifecycle/rollback.ts';
import { METRICS, type PairedDifference } from '../../engine/lifecycle/shadow/comparison.ts';
import type { PromoteAnswer, ShadowStatus } from '../../engine/lifecycle/shadow/start.ts';
import { ServiceUnavailableError } from '../../errors.ts';
import type { ExperimentResults, SummaryAnswer } from '../../feedback/api.ts';
import { CLOSED } from '../access/caller.ts';
import type { GatewayContext } from '../context.ts';
import { answers, READ_PROBLEMS } from '../schemas/answers.ts';
import type { RequestOf } from '../schemas/requests.ts';
import { requestService } from '../service-request.ts';
import type { SystemStatus } from '../system.ts';

const tags = ['operations'];
/** Problems of a request that changes something. */
const ACT_PROBLEMS = [...READ_PROBLEMS, 413, 415] as const;

interface ExperimentView {
  experiment: string;
  [member: string]: unknown;
}

/** Half the width of a 95 % interval, standard errors. */
const WIDTH = 1.96;
const interval = ({ mean, standard_error }: PairedDifference): [number, number] | null =>
  standard_error === null ? null : [mean - WIDTH * standard_error, mean + WIDTH * standard_error];

export function experimentRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { config, schemas } = context;
  const slow = { timeoutMs: config.http.act_timeout_ms };

  /** The newest results; none while the feedback service does not answer. */
  async function resultsOf(): Promise<readonly ExperimentResults[]> {
    try {
      return ((await requestService(context, 'freshet.feedback.summary', {})) as SummaryAnswer).experiments;
    } catch (err) {
      if (err instanceof ServiceUnavailableError || err instanceof RemoteProblemError) return [];
      throw err;
    }
  }

  app.get(
    '/v1/experiments',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'experiments',
        summary: 'Experiments with their arms and results, newest first',
        description:
          '`results` compares each arm with the first one; its intervals and p-values are valid at any time. It is null while the feedback service does not answer or has not folded the start, and for old experiments.',
        querystring: schemas.nothing,
        response: answers('Experiments', 'The experiments', READ_PROBLEMS),
      },
    },
    async () => {
      const [{ experiments }, results] = await Promise.all([
        requestService(context, 'freshet.engine.experiments', {}) as Promise<{ experiments: ExperimentView[] }>,
        resultsOf(),
      ]);
      return {
        experiments: experiments.map((one) => ({
          ...one,
          results: results.find(({ experiment }) => experiment === one.experiment) ?? null,
        })),
      };
    },
  );

  app.post<{ Body: RequestOf<'startExperiment'> }>(
    '/v1/experiments',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'startExperiment',
        summary: 'Start an experiment: it divides all users into arms, whose lists differ',
        description: 'Only one experiment can run at a time, and each name counts once. The first arm is the baseline.',
        body: schemas.startExperiment,
        response: answers('Experiment', 'The experiment runs', ACT_PROBLEMS),
      },
    },
    ({ body }) => requestService(context, 'freshet.engine.start_experiment', body, slow),
  );

  app.post<{ Params: RequestOf<'experimentPath'>; Body: RequestOf<'act'> }>(
    '/v1/experiments/:experiment/end',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'endExperiment',
        summary: 'End an experiment: all users get the same lists again',
        params: schemas.experimentPath,
        body: schemas.act,
        response: answers('Experiment', 'The experiment has ended', [...ACT_PROBLEMS, 404]),
      },
    },
    ({ params, body }) =>
      requestService(context, 'freshet.engine.end_experiment', { ...body, experiment: params.experiment }, slow),
  );

  app.get(
    '/v1/shadow',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'shadow',
        summary: 'The shadow engine and its quality beside the engine in force, on the same events',
        description:
          'A shadow is a process of its own, which `freshet shadow start` starts. `current` is false if the engine has other settings by now than those that the shadow compares itself with.',
        querystring: schemas.nothing,
        response: answers('Shadow', 'The shadow, or null if none runs', READ_PROBLEMS),
      },
    },
    async () => {
      const status = await shadowStatus();
      if (status === undefined) return { shadow: null };
      const { model } = (await requestService(context, 'freshet.engine.status', {})) as SystemStatus;
      const { difference } = status.compared;
      const intervals = Object.fromEntries(METRICS.map((metric) => [metric, interval(difference[metric])]));
      return {
        shadow: { ...status, compared: { ...status.compared, intervals }, current: model?.config === status.in_force },
      };
    },
  );

  /** Undefined: no shadow runs. */
  async function shadowStatus(): Promise<ShadowStatus | undefined> {
    try {
      return (await requestService(context, 'freshet.shadow.status', {})) as ShadowStatus;
    } catch (err) {
      if (err instanceof ServiceUnavailableError) return undefined;
      throw err;
    }
  }

  app.post<{ Body: RequestOf<'nothing'> }>(
    '/v1/shadow/promote',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'promoteShadow',
        summary: 'Put the settings of the shadow in force, and end the shadow',
        description:
          'The engine folds the log under these settings first, while it answers under the old ones; `in_force.coming` of `/v1/system` is null again once it has cut over.',
        body: schemas.nothing,
        response: answers('Promotion', 'The log holds the promotion', ACT_PROBLEMS),
      },
    },
    async () => {
      if ((await shadowStatus()) === undefined)
        throw new ServiceUnavailableError('No shadow answers, so there are no settings to promote.', {
          next: 'freshet shadow start --config FILE',
        });
      const promoted = (await requestService(context, 'freshet.shadow.promote', {}, slow)) as PromoteAnswer;
      await requestService(context, 'freshet.shadow.stop', {});
      return promoted;
    },
  );

  app.get(
    '/v1/snapshots',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'snapshots',
        summary: 'Snapshots of the model, and the promotions and rollbacks so far',
        description:
          'Lists as of the `seq` of a kept snapshot whose `unfit` is null are cheap to make; those of other positions are folded from the nearest earlier one.',
        querystring: schemas.nothing,
        response: answers('Snapshots', 'The snapshots, highest position first', READ_PROBLEMS),
      },
    },
    () => requestService(context, 'freshet.engine.snapshots', {}, slow) as Promise<SnapshotsAnswer>,
  );

  app.post<{ Body: RequestOf<'rollback'> }>(
    '/v1/snapshots/rollback',
    {
      config: { access: CLOSED },
      schema: {
        tags,
        operationId: 'rollback',
        summary: 'Return to the settings and the ranker of a snapshot; the statistics stay current',
        description:
          'Without `snapshot` to the last one before a promotion, else to the second newest. The ranker learns no more until a request with `end` returns to the settings of the file, or a promotion. If `state` is `refolding`, the engine folds the log under the settings first.',
        body: schemas.rollback,
        response: answers('Rollback', 'The log holds the rollback', [...ACT_PROBLEMS, 404, 409]),
      },
    },
    ({ body }) => requestService(context, 'freshet.engine.rollback', body, slow),
  );
}
