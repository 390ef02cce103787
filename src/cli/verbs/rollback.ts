import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { RollbackAnswer } from '../../engine/lifecycle/rollback.ts';
import { waitInForce } from '../in-force.ts';
import { note, print, printJson } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

interface RollbackOptions extends CommonOptions {
  reason?: string;
  end?: boolean;
  wait: boolean;
}

/** Milliseconds that the engine has to read the snapshot and write the event. */
const ROLLBACK_MS = 60_000;

/** `freshet rollback` */
export const rollbackVerb = (): Command =>
  withCommon(
    new Command('rollback')
      .description('go back to the settings and the ranker of a snapshot; statistics stay at the head of the log')
      .argument('[snapshot]', 'which one (default: before the promotion, or the one before the newest)')
      .option('--reason <text>', 'why, kept in the log')
      .option('--end', 'the settings of the file are in force again, and the ranker learns on')
      .option('--no-wait', 'do not wait until the engine answers under the other settings')
      .addHelpText(
        'after',
        `
The ranker learns no more until --end, or until something is promoted.

Examples:
  freshet rollback --reason 'worse since this morning'
  freshet rollback --end`,
      ),
  ).action((snapshot: string | undefined, options: RollbackOptions) =>
    withSession(options, async ({ nc }) => {
      const answer = await call<RollbackAnswer>(
        nc,
        'freshet.engine.rollback',
        {
          ...(snapshot === undefined ? {} : { snapshot }),
          ...(options.reason === undefined ? {} : { reason: options.reason }),
          ...(options.end ? { end: true } : {}),
        },
        { timeoutMs: ROLLBACK_MS },
      );
      if (options.wait && answer.state === 'refolding') {
        await waitInForce(nc, answer.config, options.json);
        answer.state = 'in force';
      }
      if (options.json) return printJson(answer);
      const done = answer.state === 'in force' ? 'in force' : 'being folded under, and in force then';
      print(
        options.end
          ? `The settings of the file (configuration ${answer.config}) are ${done}; the ranker learns on.`
          : `Rolled back to ${answer.snapshot}: its configuration ${answer.config} is ${done}, its ranker learns no more.`,
      );
      note(options.end ? 'Next: freshet status' : 'Next: freshet status; freshet rollback --end to go on from there');
    }),
  );
