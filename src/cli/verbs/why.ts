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
      .description('why an item stands where it does in a user’s list, or why it is not in it')
      .argument('<user>', 'id of the user')
      .argument('<item>', 'id of the item')
      .option('--at <moment>', 'as of a sequence of the log, or of what it had taken by a time, RFC 3339', moment)
      .option('--context <json>', 'circumstances of the list: {"device": "phone", "hour": 8}', json)
      .option('-n, --n <n>', 'length of the list', positive, 10),
  ).action((user: string, item: string, { at, n, context, ...options }: WhyOptions) =>
    withSession(options, async (session) => {
      const request = { user, item, n, ...(context === undefined ? {} : { context }) };
      if (at === undefined) {
        tell(await call<WhyAnswer>(session.nc, 'freshet.engine.explain', request), options);
        return;
      }
      await withPast('engine', session, { ...options, ...at }, async (past) => {
        knownUser(past, user);
        tell((await past.endpoints.explain?.handle(request)) as WhyAnswer, options);
        if (!options.json) note(momentText(past));
      });
    }),
  );

function moment(text: string): Pick<PastOptions, 'seq' | 'time'> {
  if (/^\d+$/.test(text)) return { seq: positive(text) };
  try {
    return { time: time(text) };
  } catch {
    throw new InvalidArgumentError('It takes a sequence such as 3000, or a time such as 2026-11-23T10:00:00Z.');
  }
}

function tell(answer: WhyAnswer, { json }: CommonOptions): void {
  if (json) {
    printJson(answer);
    return;
  }
  for (const sentence of answer.sentences) print(sentence);
  if (answer.events.length > 0) {
    print('\nEvents of the user’s own that this goes back to:');
    for (const { seq, time: when, item } of answer.events) print(`  ${seq}  ${when}  ${item}`);
  }
  note(`computed at sequence ${answer.seq}, snapshot ${answer.snapshot}, configuration ${answer.config}`);
}
