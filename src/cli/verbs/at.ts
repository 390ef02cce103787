import { Command } from 'commander';
import type { ItemAnswer } from '../../content/api.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { HistoryAnswer, UserAnswer } from '../../user/api.ts';
import { historyText } from '../history.ts';
import { lossText } from '../losses.ts';
import { note, print } from '../output.ts';
import { momentText, type Past, type PastOptions, printPast, withPast } from '../past.ts';
import { printRanking, withFields } from '../ranking.ts';
import { type CliSession, withCommon, withSession } from '../session.ts';
import { positive, time } from '../values.ts';

interface ListOptions {
  fields?: string[];
  n?: number;
  explain?: boolean;
  exclude?: string[];
}

/** `freshet at` */
export const atVerb = (): Command => {
  const at = withCommon(
    new Command('at')
      .description('read the state at an earlier point of the log')
      .option('--seq <n>', 'the state at this sequence', positive)
      .option('--time <time>', 'the state from the events that the log had stored by this time, RFC 3339', time)
      .addHelpText(
        'after',
        `
The command folds the log up to that point in this process, reads the state and deletes it. If the data folder (--data)
holds the engine's rows, it starts from the nearest snapshot before that point, and otherwise from the start of the log.
It uses the present settings, except for settings that an operator had promoted or rolled back by then.

Examples:
  freshet at --seq 3000 recommend u42
  freshet at --time 2026-11-17T12:00:00Z history u42`,
      ),
  );
  const items = (command: Command): Command =>
    withFields(command.option('-n, --n <n>', 'how many items', positive, 10));
  return at
    .addCommand(
      items(
        new Command('recommend')
          .description('list the recommendations for a user at that point')
          .argument('<user>', 'id of the user')
          .option('--exclude <item>', 'exclude this item; may be repeated', (item: string, all: string[] = []) => [
            ...all,
            item,
          ])
          .option('--explain', 'show the reasons for each item'),
      ).action((user: string, options: ListOptions) =>
        engine(at, async (past, session, json) => {
          knownUser(past, user);
          const { n, explain = false, exclude = [], fields } = options;
          await list(past, session, json, 'recommend', { user, n, explain, exclude, fields, max_age_ms: 0 });
        }),
      ),
    )
    .addCommand(
      items(
        new Command('similar')
          .description('list the items that were similar to an item at that point')
          .argument('<item>', 'id of the item')
          .option('--explain', 'show the reasons for each item'),
      ).action((item: string, { n, explain = false }: ListOptions) =>
        engine(at, (past, session, json) => list(past, session, json, 'similar', { item, n, explain })),
      ),
    )
    .addCommand(
      items(new Command('trending').description('list the trending items at that point')).action(
        ({ n, fields }: ListOptions) =>
          engine(at, (past, session, json) => list(past, session, json, 'trending', { n, fields })),
      ),
    )
    .addCommand(
      new Command('history')
        .description('list the events of a user up to that point, newest first')
        .argument('<user>', 'id of the user')
        .option('-n, --n <n>', 'how many events, at most 1000', positive, 20)
        .option('--before <seq>', 'only events before this sequence; the previous page names it', positive)
        .action((user: string, { n, before }: { n: number; before?: number }) =>
          rows(at, 'user', async (past, { nc }, json) => {
            const answer = (await past.endpoints.history?.handle({ user, n, before })) as HistoryAnswer;
            if (json) return printPast(past, answer);
            print(await historyText(nc, answer));
            if (answer.next !== null) note(`next page: --before ${answer.next}`);
          }),
        ),
    )
    .addCommand(
      new Command('get')
        .description('show the profile of a user at that point')
        .argument('<user>', 'id of the user')
        .action((user: string) =>
          rows(at, 'user', async (past, _session, json) =>
            printMembers(past, (await past.endpoints.get?.handle({ user })) as UserAnswer, json),
          ),
        ),
    )
    .addCommand(
      new Command('item')
        .description('show the fields of an item at that point')
        .argument('<item>', 'id of the item')
        .action((item: string) =>
          rows(at, 'content', async (past, _session, json) =>
            printMembers(past, (await past.endpoints.get?.handle({ item })) as ItemAnswer, json),
          ),
        ),
    );
};

type Work = (past: Past, session: CliSession, json: boolean) => Promise<void>;

const engine = (at: Command, work: Work): Promise<void> => rows(at, 'engine', work);

function rows(at: Command, service: 'user' | 'content' | 'engine', work: Work): Promise<void> {
  const options = at.opts<PastOptions>();
  if ((options.seq === undefined) === (options.time === undefined))
    throw new UsageError(
      options.seq === undefined
        ? 'The command needs a point of the log: --seq or --time.'
        : 'The command takes --seq or --time, not both.',
      { next: 'freshet at --seq N, or freshet at --time 2026-11-23T10:00:00Z' },
    );
  return withSession(options, (session) =>
    withPast(service, session, options, async (past) => {
      await work(past, session, options.json === true).catch((err: unknown) => {
        if (!(err instanceof NotFoundError) || service === 'engine') throw err;
        // The next step for the present state does not help here.
        throw new NotFoundError(`Up to sequence ${past.seq}: ${err.message}`, {
          next:
            service === 'user'
              ? 'freshet history USER shows the sequences of the events of the user'
              : 'freshet at with a later --seq or --time',
          details: { seq: past.seq },
          cause: err,
        });
      });
      if (options.json) return;
      note(momentText(past));
      for (const loss of past.losses) note(`the log ${lossText(loss)}`);
    }),
  );
}

/** Throws `NotFoundError` if the user had no events yet. Otherwise the caller would get the list of an unknown user. */
export function knownUser({ engine, seq }: Past, user: string): void {
  if (engine?.model.users().includes(engine.resolve(user))) return;
  throw new NotFoundError(`The log has no event of user ${user} up to sequence ${seq}.`, {
    next: `freshet history ${user} shows the sequences of the events of the user`,
    details: { user, seq },
  });
}

async function list(
  past: Past,
  { nc }: CliSession,
  json: boolean,
  endpoint: 'recommend' | 'similar' | 'trending',
  request: Record<string, unknown>,
): Promise<void> {
  const answer = (await past.endpoints[endpoint]?.handle(request)) as RankingAnswer;
  if (json) return printPast(past, answer);
  await printRanking(nc, answer);
}

function printMembers(past: Past, answer: object, json: boolean): void {
  if (json) {
    printPast(past, answer);
    return;
  }
  const width = Math.max(...Object.keys(answer).map((name) => name.length));
  for (const [name, value] of Object.entries(answer))
    print(`${name.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}
