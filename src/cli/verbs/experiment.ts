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

interface Told {
  experiment: string;
  state: string;
  arms: { arm: string; share: number; settings: object }[];
  started: string;
  ended: string | null;
  reason: string | null;
}

/** `freshet experiment` */
export function experimentVerb(): Command {
  const verb = new Command('experiment').description('arms of users with lists of other settings, and how they do');
  verb.addCommand(
    withCommon(
      new Command('start')
        .description('start an experiment')
        .argument('<experiment>', 'its name, used once')
        .requiredOption(
          '--arm <arm=share[:settings]>',
          'an arm, the one to compare with first; settings are JSON of members of a request',
          armIn,
          [] as ArmOption[],
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
          const told = await call<Told>(nc, 'freshet.engine.start_experiment', { experiment, arms: options.arm });
          if (options.json) return printJson(told);
          print(textOf([told]));
          note(`Next: freshet experiment show ${experiment}`);
        }),
      ),
  );
  verb.addCommand(
    withCommon(
      new Command('end')
        .description('end an experiment: everybody gets the same again')
        .argument('<experiment>')
        .option('--reason <text>', 'why, kept in the log'),
    ).action((experiment: string, options: CommonOptions & { reason?: string }) =>
      withSession(options, async ({ nc }) => {
        const { reason } = options;
        const told = await call<Told>(nc, 'freshet.engine.end_experiment', {
          experiment,
          ...(reason === undefined ? {} : { reason }),
        });
        if (options.json) printJson(told);
        else print(textOf([told]));
      }),
    ),
  );
  verb.addCommand(
    withCommon(new Command('list').description('all experiments, the newest first')).action((options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const { experiments } = await call<{ experiments: Told[] }>(nc, 'freshet.engine.experiments', {});
        if (options.json) printJson(experiments);
        else print(experiments.length === 0 ? 'There is no experiment.' : textOf(experiments));
      }),
    ),
  );
  verb.addCommand(
    withCommon(
      new Command('show')
        .description('how the arms of an experiment do; it may be looked at as often as one likes')
        .argument('<experiment>'),
    ).action((experiment: string, options: CommonOptions) =>
      withSession(options, async ({ nc }) => {
        const { experiments } = await call<SummaryAnswer>(nc, 'freshet.feedback.summary', {}, { timeoutMs: 60_000 });
        const found = experiments.find((one) => one.experiment === experiment);
        if (!found)
          throw new NotFoundError(`There is no experiment ${experiment}.`, { next: 'freshet experiment list' });
        if (options.json) printJson(found);
        else print(resultsText(found));
      }),
    ),
  );
  return verb;
}

function armIn(text: string, before: ArmOption[]): ArmOption[] {
  const [, arm, share, settings] = /^([^=]+)=([0-9.]+)(?::(.*))?$/s.exec(text) ?? [];
  if (arm === undefined || !Number.isFinite(Number(share)))
    throw new InvalidArgumentError('It takes ARM=SHARE or ARM=SHARE:SETTINGS.');
  if (settings === undefined) return [...before, { arm, share: Number(share) }];
  try {
    return [...before, { arm, share: Number(share), settings: JSON.parse(settings) as object }];
  } catch {
    throw new InvalidArgumentError(`The settings of ${arm} are no JSON.`);
  }
}

const textOf = (experiments: readonly Told[]): string =>
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
    table(rows, ['arm', 'users', 'impressions', 'clicks', 'CTR', 'beside the first', 'p', 'verdict']),
    '',
    `p-values and intervals hold whenever one looks, with a risk of ${percent(alpha)} of finding what is not there.`,
  ].join('\n');
}
