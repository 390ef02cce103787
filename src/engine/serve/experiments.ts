/** Experiments in the engine: which one runs, what its arms change, and starting and ending one by a control event. */
import type { Database } from 'better-sqlite3';
import type { EventCodec } from '../../bus/event/codec.ts';
import type { Endpoint, Json } from '../../bus/nats/micro.ts';
import type { Publisher } from '../../bus/nats/publisher.ts';
import { optionalText } from '../../bus/nats/request.ts';
import { BadRequestError, messageOf, NotFoundError } from '../../errors.ts';
import { type Arm, armOf, EXPERIMENT_NAME, type Experiment, labelOf } from '../../experiment/arms.ts';
import { experimentsIn } from '../../experiment/rows.ts';
import { parseRules, RULE_MEMBERS } from '../rerank/request.ts';

/** A user's part in the experiment that runs. */
export interface InArm {
  /** What lists are put down to. */
  label: string;
  /** Members of a request that count where the request does not say them itself. */
  settings: Json;
}

export interface Experiments {
  /** Undefined for whoever is in none. */
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

/** What is no settings changes nothing: it was checked before it was written. */
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
    throw new BadRequestError('The settings of an arm are a JSON object.', { details: { member: 'arms' } });
  const stranger = Object.keys(settings).find((name) => !ARM_MEMBERS.includes(name));
  if (stranger !== undefined)
    throw new BadRequestError(
      `An arm can't change ${JSON.stringify(stranger.slice(0, 60))}; it takes ${ARM_MEMBERS.join(', ')}.`,
      { details: { member: 'arms' } },
    );
  parseRules(settings as Json, { n: 10, at: 0 });
  return settings as Json;
}

export interface ExperimentWriter {
  db: Database;
  codec: EventCodec;
  publisher: Pick<Publisher, 'publish'>;
  /** Resolves once this position is folded. */
  reached(seq: number): Promise<unknown>;
  now?: () => number;
}

/** What experiments are told as. */
const told = ({ experiment, arms, seq, started, endedSeq, ended, reason }: Experiment) => ({
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
  publisher,
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
    const { seq } = await publisher.publish(result.prepared);
    await reached(seq);
    const found = experimentsIn(db).find((one) => one.experiment === experiment);
    return found && told(found);
  }

  return {
    experiments: {
      description: 'Experiments, the newest first, with the settings of their arms',
      example: {},
      handle: () => ({ experiments: experimentsIn(db).map(told) }),
    },
    start_experiment: {
      description: 'Starts an experiment: arms with shares of the users, and what each changes in their lists',
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
          throw new BadRequestError(`There was an experiment ${experiment} already; a name is used once.`, {
            next: 'take another name',
            details: { member: 'experiment' },
          });
        const running = all.find(({ endedSeq }) => endedSeq === null);
        if (running)
          throw new BadRequestError(`The experiment ${running.experiment} is running; one runs at a time.`, {
            next: `freshet experiment end ${running.experiment}`,
            details: { member: 'experiment', running: running.experiment },
          });
        return write('experiment_started', experiment, { arms });
      },
    },
    end_experiment: {
      description: 'Ends an experiment: everybody gets the same again',
      example: { experiment: 'diverse' },
      handle: (request) => {
        const experiment = nameIn(request.experiment, 'experiment');
        const reason = optionalText(request, 'reason');
        const found = experimentsIn(db).find((one) => one.experiment === experiment);
        if (!found)
          throw new NotFoundError(`There is no experiment ${experiment}.`, { next: 'freshet experiment list' });
        if (found.endedSeq !== null) return told(found);
        return write('experiment_ended', experiment, reason === undefined ? {} : { reason });
      },
    },
  };
}

function nameIn(value: unknown, member: string): string {
  if (typeof value !== 'string' || !EXPERIMENT_NAME.test(value))
    throw new BadRequestError(`${member} takes a name of 1 to 64 letters, digits, ".", "_" and "-".`, {
      details: { member },
    });
  return value;
}

/** Most arms of one experiment. */
const ARMS_MOST = 10;

function armsIn(value: unknown): Arm[] {
  const wrong = (what: string): BadRequestError => new BadRequestError(what, { details: { member: 'arms' } });
  if (!Array.isArray(value) || value.length < 2 || value.length > ARMS_MOST)
    throw wrong(`arms takes a list of 2 to ${ARMS_MOST}.`);
  const arms = value.map((one: { arm?: unknown; share?: unknown; settings?: unknown } | null): Arm => {
    const { share, settings = {} } = one ?? {};
    const arm = nameIn(one?.arm, 'arms');
    if (typeof share !== 'number' || !(share > 0 && share <= 1))
      throw wrong(`The share of ${arm} is above 0, up to 1.`);
    try {
      checkSettings(settings);
    } catch (err) {
      throw wrong(`The settings of ${arm}: ${messageOf(err)}`);
    }
    return { arm, share, config: Object.keys(settings as Json).length === 0 ? '' : JSON.stringify(settings) };
  });
  if (new Set(arms.map(({ arm }) => arm)).size < arms.length) throw wrong('Two arms have the same name.');
  if (arms.reduce((sum, { share }) => sum + share, 0) > 1 + 1e-9) throw wrong('The shares are more than 1 together.');
  return arms;
}
