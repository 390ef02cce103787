import { Command, InvalidArgumentError } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import { NotFoundError } from '../../errors.ts';
import type { ExperimentResults, SummaryAnswer } from '../../feedback/api.ts';
import { count, note, print, printJson, table } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

interface ArmOption {
  arm: string;
  share: number;
  settings?: object;
}

interface ExperimentView {
  experiment: string;
  state: string;
  arms: { arm: string; share: number; settings: object }[];
  started: string;
  ended: string | null;
  reason: string | null;
}

/** `freshet experiment` */
export function experimentVerb(): Command {
  const verb = new Command('experiment').description('divide live users into arms and compare the arms’ lists');
  verb.addCommand(
    withCommon(
      new Command('start')
        .description('start an experiment')
        .argument('<experiment>', 'name of the experiment; you can use each name once')
        .requiredOption(
          '--arm <arm=share[:settings]>',
          'an arm: its name, its share of the users, and the members of a request that it changes, as JSON; repeat it, with the baseline first',
          armIn,
        ),
    )
      .addHelpText(
        'after',
        `
Example:
  freshet experiment start diverse --arm as-is=0.5 --arm 'diverse=0.5:{"diversity":{"lambda":0.7}}'`,
      )
      .action((experiment: string, options: CommonOptions & { arm: ArmOption[] }) =>
        withSession(options, async ({ nc }) => {
          const started = await call<ExperimentView>(nc, 'freshet.engine.start_experiment', {
            experiment,
            arms: options.arm,
          });
          if (options.json) return printJson(started);
          print(textOf([started]));
          note(`Next: freshet experiment show ${experiment}`);
        }),
      ),
  );
  verb.addCommand(
    withCommon(
      new Command('end')
        .description('end an experiment: all users get the same lists again')
        .argument('<experiment>', 'name of the experiment')
        .option('--reason <text>', 'the reason, which goes into the log'),
    ).action((experiment: string, options: CommonOptions & { reason?: string }) =>
      withSession(options, async ({ nc }) => {
        const { reason } = options;
        const ended = await call<ExperimentView>(nc, 'freshet.engine.end_experiment', {
          experiment,
          ...(reason === undefined ? {} : { reason }),
        });
        if (options.json) printJson(ended);
        else print(textOf([ended]));
      }),
    ),
  );
  verb.addCommand(
    withCommon(new Command('list').description('list all experiments, newest first')).action((options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const { experiments } = await call<{ experiments: ExperimentView[] }>(nc, 'freshet.engine.experiments', {});
        if (options.json) printJson(experiments);
        else print(experiments.length === 0 ? 'No experiments.' : textOf(experiments));
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('show')
        .description('show the results of an experiment; they are valid at any time, so you may run this often')
        .argument('<experiment>', 'name of the experiment'),
    ).action((experiment: string, options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const { experiments } = await call<SummaryAnswer>(nc, 'freshet.feedback.summary', {}, { timeoutMs: 60_000 });
        const found = experiments.find((one) => one.experiment === experiment);
        if (!found)
          throw new NotFoundError(`Freshet knows no experiment named ${experiment}.`, {
            next: 'freshet experiment list shows the names',
          });
        if (options.json) printJson(found);
        else print(resultsText(found));
      }),
    ),
  );
  return verb;
}

function armIn(text: string, before: ArmOption[] = []): ArmOption[] {
  const [, arm, share, settings] = /^([^=]+)=([0-9.]+)(?::(.*))?$/s.exec(text) ?? [];
  if (arm === undefined || !Number.isFinite(Number(share)))
    throw new InvalidArgumentError('Give ARM=SHARE or ARM=SHARE:SETTINGS, such as baseline=0.5.');
  if (settings === undefined) return [...before, { arm, share: Number(share) }];
  try {
    return [...before, { arm, share: Number(share), settings: JSON.parse(settings) as object }];
  } catch {
    throw new InvalidArgumentError(`The settings of the arm ${arm} are not JSON.`);
  }
}

const textOf = (experiments: readonly ExperimentView[]): string =>
  table(
    experiments.flatMap(({ experiment, state, arms, started, ended }) =>
      arms.map(({ arm, share, settings }) => [
        experiment,
        state,
        started,
        ended ?? '',
        arm,
        `${count(share * 100)} %`,
        Object.keys(settings).length === 0 ? 'nothing' : JSON.stringify(settings),
      ]),
    ),
    ['experiment', 'state', 'started', 'ended', 'arm', 'share', 'changes'],
  );

function resultsText({ experiment, state, started, ended, alpha, arms }: ExperimentResults): string {
  const percent = (rate: number): string => `${(rate * 100).toFixed(2)} %`;
  const rows = arms.map(({ arm, users, impressions, clicks, ctr, beside_first: beside }, i) => [
    arm,
    count(users),
    count(impressions),
    count(clicks),
    ctr === null ? '' : percent(ctr),
    beside ? `${percent(beside.difference)} (${percent(beside.interval[0])} to ${percent(beside.interval[1])})` : '',
    beside ? beside.p.toPrecision(2) : '',
    i === 0
      ? ''
      : !beside
        ? 'too little to tell'
        : beside.found
          ? beside.difference > 0
            ? 'better'
            : 'worse'
          : 'open',
  ]);
  return [
    `${experiment}, ${state}, from ${started}${ended === null ? '' : ` to ${ended}`}`,
    '',
    table(rows, ['arm', 'users', 'impressions', 'clicks', 'CTR', 'difference to the first', 'p', 'verdict']),
    '',
    `The p-values and intervals are valid at any time. The probability of a false difference is at most ${percent(alpha)}.`,
  ].join('\n');
}
