import { Command } from 'commander';
import type { ErasureView } from '../../bus/erasure/ledger.ts';
import { call } from '../../bus/nats/micro.ts';
import { FreshetError, UsageError } from '../../errors.ts';
import { note, print, printJson, table } from '../output.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';

interface ForgetOptions extends CommonOptions {
  status?: true | string;
  wait?: boolean;
}

/** Milliseconds between two looks with --wait. */
const LOOK_MS = 250;

/** `freshet forget` */
export const forgetVerb = (): Command =>
  withCommon(
    new Command('forget')
      .description('take a user out for good: events, rows, statistics, lists, snapshots')
      .argument('[user]', 'id of the user')
      .option('--status [erasure]', 'how far an erasure is; all of them without an id')
      .option('--wait', 'come back once it is complete'),
  ).action((user: string | undefined, options: ForgetOptions) => {
    if ((user === undefined) === (options.status === undefined))
      throw new UsageError('It takes a user, or --status.', { next: 'freshet forget --help' });
    return withSession(options, async (session) => {
      if (options.status === true) return sayAll(session, options);
      const begun = user === undefined ? await read(session, options.status as string) : await forget(session, user);
      const entry = options.wait ? await untilDone(session, begun) : begun;
      if (options.json) printJson(entry);
      else say(entry);
    });
  });

const forget = ({ nc }: CliSession, user: string): Promise<ErasureView> => call(nc, 'freshet.user.forget', { user });
const read = ({ nc }: CliSession, erasure: string): Promise<ErasureView> =>
  call(nc, 'freshet.user.erasure', { erasure });

/** A service that is restarting or busy says nothing of the erasure, which goes on by itself: a later look may. */
async function untilDone(session: CliSession, begun: ErasureView): Promise<ErasureView> {
  let entry = begun;
  let told: string | undefined;
  while (entry.state !== 'done') {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    try {
      entry = await read(session, entry.erasure);
      told = undefined;
    } catch (err) {
      if (!(err instanceof FreshetError) || err.code !== 'FRESHET_SERVICE_UNAVAILABLE') throw err;
      if (err.message !== told) note(`waiting: ${err.message}`);
      told = err.message;
    }
  }
  return entry;
}

async function sayAll({ nc }: CliSession, { json }: ForgetOptions): Promise<void> {
  const { erasures } = await call<{ erasures: ErasureView[] }>(nc, 'freshet.user.erasure', {});
  if (json) return printJson(erasures);
  if (erasures.length === 0) return print('Nobody has been forgotten.');
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

function say({ erasure, requested, state, deadline, overdue, done, services }: ErasureView): void {
  print(`erasure   ${erasure}\nrequested ${requested}\nstate     ${state}${done === null ? '' : ` since ${done}`}`);
  print(`deadline  ${deadline}${overdue ? ', overdue' : ''}\n`);
  print(
    table(
      services.map((step) => [step.service, step.state, step.at ?? '']),
      ['service', 'what is gone', 'since'],
    ),
  );
  const down = services.flatMap((step) => step.down ?? []);
  if (down.length > 0) note(`It waits for ${down.join(', ')}, which ${down.length === 1 ? 'does' : 'do'} not answer.`);
  if (state !== 'done') note(`Next: freshet forget --status ${erasure}`);
}
