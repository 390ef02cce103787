import { Command } from 'commander';
import type { ItemAnswer } from '../../content/api.ts';
import type { RankingAnswer } from '../../engine/serve/lists.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import type { HistoryAnswer, UserAnswer } from '../../user/api.ts';
import { historyText } from '../history.ts';
import { note, print, printJson } from '../output.ts';
import { momentText, type Past, type PastOptions, withPast } from '../past.ts';
import { originText, rankingText } from '../ranking.ts';
import { type CliSession, withCommon, withSession } from '../session.ts';
import { positive, time } from '../values.ts';

interface ListOptions {
  n?: number;
  explain?: boolean;
  exclude?: string[];
}

/** `freshet at` */
export const atVerb = (): Command => {
  const at = withCommon(
    new Command('at')
      .description('any read as of then: the state is folded up to that point of the log, read, and taken away again')
      .option('--seq <n>', 'as of this sequence', positive)
      .option('--time <time>', 'as of what the log had taken by then, RFC 3339', time)
      .addHelpText(
        'after',
        `
The engine is folded from the nearest snapshot before that point where its rows are in the data folder (--data), and
from the log's beginning elsewhere. Settings are those of now, but for what had been promoted or rolled back by then.

Examples:
  freshet at --seq 3000 recommend u42
  freshet at --time 2026-11-17T12:00:00Z history u42`,
      ),
  );
  const items = (command: Command): Command => command.option('-n, --n <n>', 'items', positive, 10);
  return at
    .addCommand(
      items(
        new Command('recommend')
          .description('the ranking of a user')
          .argument('<user>', 'id of the user')
          .option('--exclude <item>', 'leave this item out; may be repeated', (item: string, all: string[] = []) => [
            ...all,
            item,
          ])
          .option('--explain', 'say why each item is there'),
      ).action((user: string, options: ListOptions) =>
        engine(at, async (past, session, json) => {
          knownUser(past, user);
          const { n, explain = false, exclude = [] } = options;
          await list(past, session, json, 'recommend', { user, n, explain, exclude, max_age_ms: 0 });
        }),
      ),
    )
    .addCommand(
      items(
        new Command('similar')
          .description('items that go with an item')
          .argument('<item>', 'id of the item')
          .option('--explain', 'say why each item is there'),
      ).action((item: string, { n, explain = false }: ListOptions) =>
        engine(at, (past, session, json) => list(past, session, json, 'similar', { item, n, explain })),
      ),
    )
    .addCommand(
      items(new Command('trending').description('what is taken most lately')).action(({ n }: ListOptions) =>
        engine(at, (past, session, json) => list(past, session, json, 'trending', { n })),
      ),
    )
    .addCommand(
      new Command('history')
        .description('what a user had done, newest first')
        .argument('<user>', 'id of the user')
        .option('-n, --n <n>', 'events, at most 1000', positive, 20)
        .option('--before <seq>', 'events before this sequence: the page that an answer named as next', positive)
        .action((user: string, { n, before }: { n: number; before?: number }) =>
          rows(at, 'user', async (past, { nc }, json) => {
            const answer = (await past.endpoints.history?.handle({ user, n, before })) as HistoryAnswer;
            if (json) return printJson(answer);
            print(await historyText(nc, answer));
            if (answer.next !== null) note(`next page: --before ${answer.next}`);
          }),
        ),
    )
    .addCommand(
      new Command('get')
        .description('what was known of a user')
        .argument('<user>', 'id of the user')
        .action((user: string) =>
          rows(at, 'user', async (past, _session, json) =>
            told((await past.endpoints.get?.handle({ user })) as UserAnswer, json),
          ),
        ),
    )
    .addCommand(
      new Command('item')
        .description('what was known of an item')
        .argument('<item>', 'id of the item')
        .action((item: string) =>
          rows(at, 'content', async (past, _session, json) =>
            told((await past.endpoints.get?.handle({ item })) as ItemAnswer, json),
          ),
        ),
    );
};

type Work = (past: Past, session: CliSession, json: boolean) => Promise<void>;

const engine = (at: Command, work: Work): Promise<void> => rows(at, 'engine', work);

function rows(at: Command, service: 'user' | 'content' | 'engine', work: Work): Promise<void> {
  const options = at.opts<PastOptions>();
  if ((options.seq === undefined) === (options.time === undefined))
    throw new UsageError('It takes --seq or --time, one of them.', { next: 'freshet at --help' });
  return withSession(options, (session) =>
    withPast(service, session, options, async (past) => {
      await work(past, session, options.json === true).catch((err: unknown) => {
        if (!(err instanceof NotFoundError) || service === 'engine') throw err;
        // What helps somebody who asks for now is no help here.
        throw new NotFoundError(`Up to sequence ${past.seq}: ${err.message}`, {
          next:
            service === 'user'
              ? 'freshet history USER, to see from when on there are events'
              : 'freshet at with a later --seq or --time',
          details: { seq: past.seq },
          cause: err,
        });
      });
      if (!options.json) note(momentText(past));
    }),
  );
}

/** Whoever looks back wants to know that there was nobody. */
export function knownUser({ engine, seq }: Past, user: string): void {
  if (engine?.model.users().includes(engine.resolve(user))) return;
  throw new NotFoundError(`No event of ${user} is in the log up to sequence ${seq}.`, {
    next: `freshet history ${user}, to see from when on there are some`,
    details: { user, seq },
  });
}

async function list(
  { endpoints }: Past,
  { nc }: CliSession,
  json: boolean,
  endpoint: 'recommend' | 'similar' | 'trending',
  request: Record<string, unknown>,
): Promise<void> {
  const answer = (await endpoints[endpoint]?.handle(request)) as RankingAnswer;
  if (json) return printJson(answer);
  print(await rankingText(nc, answer));
  note(originText(answer));
}

function told(answer: object, json: boolean): void {
  if (json) {
    printJson(answer);
    return;
  }
  const width = Math.max(...Object.keys(answer).map((name) => name.length));
  for (const [name, value] of Object.entries(answer))
    print(`${name.padEnd(width)}  ${typeof value === 'string' ? value : JSON.stringify(value)}`);
}
