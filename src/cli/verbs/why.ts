import { Command, InvalidArgumentError } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { WhyAnswer } from '../../engine/serve/why.ts';
import { note, print, printJson } from '../output.ts';
import { momentText, type PastOptions, withPast } from '../past.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';
import { json, positive, time } from '../values.ts';
import { knownUser } from './at.ts';

interface WhyOptions extends CommonOptions {
  at?: Pick<PastOptions, 'seq' | 'time'>;
  n: number;
  context?: Record<string, unknown>;
}

/** `freshet why` */
export const whyVerb = (): Command =>
  withCommon(
    new Command('why')
      .description('explain the place of an item in the list of a user, or why the item is not in it')
      .argument('<user>', 'id of the user')
      .argument('<item>', 'id of the item')
      .option('--at <moment>', 'explain an earlier list: a sequence of the log, or a time, RFC 3339', moment)
      .option('--context <json>', 'context of the list: {"device": "phone", "hour": 8}', json)
      .option('-n, --n <n>', 'length of the list', positive, 10),
  ).action((user: string, item: string, { at, n, context, ...options }: WhyOptions) =>
    withSession(options, async (session) => {
      const request = { user, item, n, ...(context === undefined ? {} : { context }) };
      if (at === undefined) {
        printAnswer(await call<WhyAnswer>(session.nc, 'freshet.engine.explain', request), options);
        return;
      }
      await withPast('engine', session, { ...options, ...at }, async (past) => {
        knownUser(past, user);
        printAnswer((await past.endpoints.explain?.handle(request)) as WhyAnswer, options);
        if (!options.json) note(momentText(past));
      });
    }),
  );

function moment(text: string): Pick<PastOptions, 'seq' | 'time'> {
  if (/^\d+$/.test(text)) return { seq: positive(text) };
  try {
    return { time: time(text) };
  } catch {
    throw new InvalidArgumentError('Give a sequence such as 3000, or a time such as 2026-11-23T10:00:00Z.');
  }
}

function printAnswer(answer: WhyAnswer, { json }: CommonOptions): void {
  if (json) {
    printJson(answer);
    return;
  }
  for (const sentence of answer.sentences) print(sentence);
  if (answer.events.length > 0) {
    print('\nThe events of the user behind this:');
    for (const { seq, time: when, item } of answer.events) print(`  ${seq}  ${when}  ${item}`);
  }
  note(`computed at sequence ${answer.seq}, snapshot ${answer.snapshot}, configuration ${answer.config}`);
}
