import { Command } from 'commander';
import type { ErasureView } from '../../bus/erasure/ledger.ts';
import { call } from '../../bus/nats/micro.ts';
import { pollUntil } from '../../bus/nats/poll-until.ts';
import { FreshetError, UsageError } from '../../errors.ts';
import { note, print, printJson, table } from '../output.ts';
import { type CliSession, type CommonOptions, withCommon, withServices } from '../session.ts';

interface ForgetOptions extends CommonOptions {
  status?: true | string;
  wait?: boolean;
}

/** Milliseconds between two polls with --wait. */
const POLL_MS = 250;

/** `freshet forget` */
export const forgetVerb = (): Command =>
  withCommon(
    new Command('forget')
      .description('erase a user: events, rows, statistics, lists, snapshots. An erasure cannot be undone')
      .argument('[user]', 'id of the user')
      .option('--status [erasure]', 'show the progress of an erasure; without an id, of all erasures')
      .option('--wait', 'wait until the erasure is complete'),
  ).action((user: string | undefined, options: ForgetOptions) => {
    if ((user === undefined) === (options.status === undefined))
      throw new UsageError(
        user === undefined
          ? 'The command needs the id of a user, or --status.'
          : 'The command takes the id of a user or --status, not both.',
        { next: 'freshet forget USER, or freshet forget --status' },
      );
    return withServices(options, async (session) => {
      if (options.status === true) return printAll(session, options);
      const begun = user === undefined ? await read(session, options.status as string) : await forget(session, user);
      const entry = options.wait ? await untilDone(session, begun) : begun;
      if (options.json) printJson(entry);
      else printErasure(entry);
    });
  });

const forget = ({ nc }: CliSession, user: string): Promise<ErasureView> => call(nc, 'freshet.user.forget', { user });
const read = ({ nc }: CliSession, erasure: string): Promise<ErasureView> =>
  call(nc, 'freshet.user.erasure', { erasure });

/** The erasure continues while a service restarts or does not answer, so the next poll may succeed. */
async function untilDone(session: CliSession, begun: ErasureView): Promise<ErasureView> {
  let entry = begun;
  let noted: string | undefined;
  if (entry.state === 'done') return entry;
  return pollUntil(POLL_MS, async () => {
    try {
      entry = await read(session, entry.erasure);
      noted = undefined;
    } catch (err) {
      if (!(err instanceof FreshetError) || err.code !== 'FRESHET_SERVICE_UNAVAILABLE') throw err;
      if (err.message !== noted) note(`waiting: ${err.message}`);
      noted = err.message;
    }
    return entry.state === 'done' ? entry : undefined;
  });
}

async function printAll({ nc }: CliSession, { json }: ForgetOptions): Promise<void> {
  const { erasures } = await call<{ erasures: ErasureView[] }>(nc, 'freshet.user.erasure', {});
  if (json) return printJson(erasures);
  if (erasures.length === 0) return print('No erasures.');
  print(
    table(
      erasures.map(({ erasure, requested, state, deadline, overdue, done }) => [
        erasure,
        requested,
        state,
        `${deadline}${overdue ? ', overdue' : ''}`,
        done ?? '',
      ]),
      ['erasure', 'requested', 'state', 'deadline', 'done'],
    ),
  );
}

function printErasure(entry: ErasureView): void {
  const { erasure, requested, state, deadline, overdue, done, services, waits_for } = entry;
  print(`erasure   ${erasure}\nrequested ${requested}\nstate     ${state}${done === null ? '' : ` since ${done}`}`);
  print(`deadline  ${deadline}${overdue ? ', overdue' : ''}\n`);
  print(
    table(
      services.map((step) => [step.service, step.state, step.at ?? '']),
      ['service', 'state', 'since'],
    ),
  );
  for (const wait of waits_for) note(wait);
  if (state !== 'done') note(`Next: freshet forget --status ${erasure}`);
}
