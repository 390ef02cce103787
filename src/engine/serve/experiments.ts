/** Experiments in the engine: which one runs, what its arms change, and starting and ending one by a control event. */
import type { Database } from 'better-sqlite3';
import type { EventCodec } from '../../bus/event/codec.ts';
import { type EventPublisher, storedSeq } from '../../bus/log/event-publisher.ts';
import type { Endpoint, Json } from '../../bus/nats/micro.ts';
import { optionalText } from '../../bus/nats/request.ts';
import { BadRequestError, messageOf, NotFoundError } from '../../errors.ts';
import { type Arm, armOf, EXPERIMENT_NAME, type Experiment, labelOf } from '../../experiment/arms.ts';
import { experimentsIn } from '../../experiment/rows.ts';
import { parseRules, RULE_MEMBERS } from '../rerank/request.ts';

/** A user's part in the experiment that runs. */
export interface InArm {
  /** The label that answers carry. */
  label: string;
  /** Members of a request that apply where the request itself does not set them. */
  settings: Json;
}

export interface Experiments {
  /** Undefined for users in no arm. */
  arm(user: string): InArm | undefined;
  list(): Experiment[];
  /** The rows changed. */
  changed(): void;
}

/** What an arm may change. */
export const ARM_MEMBERS: readonly string[] = RULE_MEMBERS.filter((name) => name !== 'unlike_weight');

export function createExperiments(db: Database): Experiments {
  let running: { experiment: Experiment; settings: ReadonlyMap<string, Json> } | undefined;
  let known = false;

  function read(): typeof running {
    const found = experimentsIn(db).find(({ endedSeq }) => endedSeq === null);
    if (!found) return undefined;
    return { experiment: found, settings: new Map(found.arms.map((arm) => [arm.arm, settingsOf(arm)])) };
  }

  return {
    arm: (user) => {
      if (!known) {
        running = read();
        known = true;
      }
      if (!running) return undefined;
      const { experiment, settings } = running;
      const arm = armOf(user, experiment);
      return arm && { label: labelOf(experiment.experiment, arm.arm), settings: settings.get(arm.arm) ?? {} };
    },
    list: () => experimentsIn(db),
    changed: () => {
      known = false;
    },
  };
}

/** Invalid settings change nothing: the engine checked them before it wrote them. */
function settingsOf({ config }: Arm): Json {
  try {
    return checkSettings(config === '' ? {} : JSON.parse(config));
  } catch {
    return {};
  }
}

/** Throws `BadRequestError`. */
function checkSettings(settings: unknown): Json {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new BadRequestError(
      'The settings of an arm must be a JSON object. Pass members of a request, such as {"diversity": {"lambda": 0.7}}.',
      { details: { member: 'arms' } },
    );
  const stranger = Object.keys(settings).find((name) => !ARM_MEMBERS.includes(name));
  if (stranger !== undefined)
    throw new BadRequestError(
      `The settings of an arm have no member ${JSON.stringify(stranger.slice(0, 60))}. They take ${ARM_MEMBERS.join(', ')}.`,
      { details: { member: 'arms' } },
    );
  parseRules(settings as Json, { n: 10, at: 0 });
  return settings as Json;
}

export interface ExperimentWriter {
  db: Database;
  codec: EventCodec;
  events: Pick<EventPublisher, 'publish'>;
  /** Resolves once this position is folded. */
  reached(seq: number): Promise<unknown>;
  now?: () => number;
}

const experimentView = ({ experiment, arms, seq, started, endedSeq, ended, reason }: Experiment) => ({
  experiment,
  state: endedSeq === null ? 'running' : 'ended',
  arms: arms.map(({ arm, share, config }) => ({ arm, share, settings: config === '' ? {} : JSON.parse(config) })),
  started: new Date(started).toISOString(),
  seq,
  ended: ended === null ? null : new Date(ended).toISOString(),
  ended_seq: endedSeq,
  reason,
});

/** Publisher of control events. */
const SOURCE = 'freshet';

export function experimentEndpoints({
  db,
  codec,
  events,
  reached,
  now = Date.now,
}: ExperimentWriter): Record<string, Endpoint> {
  async function write(verb: 'experiment_started' | 'experiment_ended', experiment: string, data: Json) {
    const event = {
      specversion: '1.0',
      id: `${experiment}-${verb}`,
      source: SOURCE,
      type: `control.${verb}.v1`,
      subject: experiment,
      time: new Date(now()).toISOString(),
      data: { experiment, ...data },
    };
    const result = codec.prepare(event, { control: true });
    if (!result.ok) throw new BadRequestError(result.problem.message);
    const publication = await events.publish(result.prepared);
    await reached(publication.seq);
    const found = experimentsIn(db).find((one) => one.experiment === experiment);
    // Another caller has ended it at the same time. Another start, though, may have other arms.
    const ended = verb === 'experiment_ended' && found !== undefined && found.endedSeq !== null;
    if (!ended) storedSeq(publication);
    return found && experimentView(found);
  }

  return {
    experiments: {
      description: 'Lists experiments, the newest first, with the settings of their arms',
      example: {},
      handle: () => ({ experiments: experimentsIn(db).map(experimentView) }),
    },
    start_experiment: {
      description: 'Starts an experiment: arms, each with its share of the users and the settings of their lists',
      example: {
        experiment: 'diverse',
        arms: [
          { arm: 'as-is', share: 0.5 },
          { arm: 'diverse', share: 0.5, settings: { diversity: { lambda: 0.7 } } },
        ],
      },
      handle: (request) => {
        const experiment = nameIn(request.experiment, 'experiment');
        const arms = armsIn(request.arms);
        const all = experimentsIn(db);
        if (all.some((one) => one.experiment === experiment))
          throw new BadRequestError(
            `The name ${experiment} belongs to an earlier experiment, and each name counts once.`,
            {
              next: 'choose another name',
              details: { member: 'experiment' },
            },
          );
        const running = all.find(({ endedSeq }) => endedSeq === null);
        if (running)
          throw new BadRequestError(
            `The experiment ${running.experiment} is running, and only one can run at a time. End it first.`,
            {
              next: `freshet experiment end ${running.experiment}`,
              details: { member: 'experiment', running: running.experiment },
            },
          );
        return write('experiment_started', experiment, { arms });
      },
    },
    end_experiment: {
      description: 'Ends an experiment: every user gets the configured lists again',
      example: { experiment: 'diverse' },
      handle: (request) => {
        const experiment = nameIn(request.experiment, 'experiment');
        const reason = optionalText(request, 'reason');
        const found = experimentsIn(db).find((one) => one.experiment === experiment);
        if (!found)
          throw new NotFoundError(`No experiment has the name ${experiment}.`, { next: 'freshet experiment list' });
        if (found.endedSeq !== null) return experimentView(found);
        return write('experiment_ended', experiment, reason === undefined ? {} : { reason });
      },
    },
  };
}

function nameIn(value: unknown, member: string): string {
  if (typeof value !== 'string' || !EXPERIMENT_NAME.test(value))
    throw new BadRequestError(`${member} must be a name of 1 to 64 letters, digits, ".", "_" and "-".`, {
      details: { member },
    });
  return value;
}

/** Most arms of one experiment. */
const ARMS_MOST = 10;

function armsIn(value: unknown): Arm[] {
  const wrong = (what: string): BadRequestError => new BadRequestError(what, { details: { member: 'arms' } });
  if (!Array.isArray(value) || value.length < 2 || value.length > ARMS_MOST)
    throw wrong(`arms must be a list of 2 to ${ARMS_MOST} arms.`);
  const arms = value.map((one: { arm?: unknown; share?: unknown; settings?: unknown } | null): Arm => {
    const { share, settings = {} } = one ?? {};
    const arm = nameIn(one?.arm, 'arms');
    if (typeof share !== 'number' || !(share > 0 && share <= 1))
      throw wrong(`The share of arm ${arm} must be above 0 and at most 1.`);
    try {
      checkSettings(settings);
    } catch (err) {
      throw wrong(`The settings of arm ${arm} are invalid: ${messageOf(err)}`);
    }
    return { arm, share, config: Object.keys(settings as Json).length === 0 ? '' : JSON.stringify(settings) };
  });
  if (new Set(arms.map(({ arm }) => arm)).size < arms.length)
    throw wrong('Two arms have the same name. Name each arm differently.');
  if (arms.reduce((sum, { share }) => sum + share, 0) > 1 + 1e-9)
    throw wrong('The shares of the arms add up to more than 1.');
  return arms;
}
