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

/** Milliseconds that the engine gets to read the snapshot and write the event. */
const ROLLBACK_MS = 60_000;

/** `freshet rollback` */
export const rollbackVerb = (): Command =>
  withCommon(
    new Command('rollback')
      .description('return to the settings and the ranker of a snapshot; the statistics stay current')
      .argument('[snapshot]', 'the snapshot (default: the last one before a promotion, else the second newest)')
      .option('--reason <text>', 'the reason, which goes into the log')
      .option('--end', 'end the rollback: use the settings of the file again, and let the ranker learn again')
      .option('--no-wait', 'do not wait until the engine answers under those settings')
      .addHelpText(
        'after',
        `
The ranker learns no more until you end the rollback (--end) or promote a shadow.

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
      const when =
        answer.state === 'in force' ? 'is in force' : 'comes into force once the engine has folded the log under it';
      print(
        options.end
          ? `The rollback has ended. The settings of the file: configuration ${answer.config} ${when}. The ranker learns again.`
          : `Rolled back to ${answer.snapshot}: its configuration ${answer.config} ${when}. The ranker learns no more.`,
      );
      note(options.end ? 'Next: freshet status' : 'Next: freshet status; freshet rollback --end ends the rollback');
    }),
  );
