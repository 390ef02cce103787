import { Command } from 'commander';
import type { Log } from '../../bus/log/port.ts';
import { parseRanges, rangesText, type SequenceRange, sizeOf } from '../../bus/log/sequences.ts';
import { createPublisher } from '../../bus/nats/publisher.ts';
import { acceptLoss, findGaps, type LogGaps, lossView, toAccept } from '../../bus/projection/log-gaps.ts';
import { createServiceLog } from '../../bus/service/log.ts';
import { UsageError } from '../../errors.ts';
import { count, EXIT, note, print, printJson } from '../output.ts';
import { createProgress } from '../progress.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

interface AcceptOptions extends CommonOptions {
  sequences?: string;
  reason?: string;
  yes?: boolean;
}

/** Ranges of a list that the text shows; JSON has all of them. */
const SHOWN = 20;

/** `freshet log` */
export const logVerb = (): Command =>
  new Command('log')
    .description('find messages that the log has lost, and accept the loss')
    .addCommand(
      withCommon(
        new Command('check').description('list the sequences that the log lacks; exit code 1 if nothing explains them'),
      )
        .option('--read', 'read every message too: a server does not count a message as missing that it cannot read')
        .action((options: CommonOptions & { read?: boolean }) => withLog(options, (log) => check(log, options))),
    )
    .addCommand(
      withCommon(
        new Command('accept-loss')
          .description('accept that messages are lost: the services rebuild from the log without them, and go on')
          .option('--sequences <ranges>', 'the lost sequences: 500-509,514')
          .option('--reason <text>', 'the reason, which goes into the log')
          .option('--yes', 'write the record; without it the command only shows what it would do')
          .addHelpText(
            'after',
            `
A backup of the log that holds the messages is better: restore it instead. The act cannot be taken back.

Examples:
  freshet log accept-loss                               list the missing sequences
  freshet log accept-loss --sequences 500-509 --yes --reason 'bad block on the disk'`,
          ),
      ).action((options: AcceptOptions) =>
        withLog(options, (log) => (options.sequences === undefined ? check(log, options) : accept(log, options))),
      ),
    );

const withLog = (options: CommonOptions, work: (log: Log) => Promise<void>): Promise<void> =>
  withSession(options, async ({ nc, config }) => {
    const publisher = createPublisher(nc);
    try {
      await work(await createServiceLog({ nc, publisher, config, service: 'log' }));
    } finally {
      await publisher.close();
      const jsm = await nc.jetstreamManager({ checkAPI: false });
      await jsm.consumers.delete('EVENTS', CONSUMER).catch(() => false);
    }
  });

const CONSUMER = `log-check-${process.pid}`;

async function check(log: Log, { json, read }: CommonOptions & { read?: boolean }): Promise<void> {
  const progress = createProgress('reading the log', 'sequences', json);
  const gaps = await findGaps(log, {
    read: read ? { consumer: CONSUMER, onProgress: progress.update } : undefined,
  }).finally(progress.end);
  if (json) printJson(viewOf(gaps));
  else printGaps(gaps);
  if (gaps.lost.length > 0) process.exitCode = EXIT.failure;
}

const viewOf = ({ stream, firstSeq, lastSeq, messages, fence, accepted, lost, upToFence }: LogGaps) => ({
  stream,
  first_seq: firstSeq,
  last_seq: lastSeq,
  messages,
  fence,
  lost,
  up_to_fence: sizeOf(upToFence),
  accepted_losses: accepted.map(lossView),
});

function printGaps({ stream, lastSeq, messages, fence, accepted, lost, upToFence }: LogGaps): void {
  print(`${stream}: ${count(messages)} messages up to sequence ${count(lastSeq)}`);
  if (upToFence.length > 0)
    print(
      `missing up to ${count(fence)}, where erasures may have removed them: ${count(sizeOf(upToFence))} sequences (${shown(upToFence)})`,
    );
  for (const { act, sequences, seq, time, reason } of accepted.map(lossView))
    print(`accepted as lost at ${seq}, ${time}: ${sequences} (${act}${reason === undefined ? '' : `: ${reason}`})`);
  if (lost.length === 0) {
    print('No message is missing without an explanation.');
    return;
  }
  print(`LOST: ${count(sizeOf(lost))} sequences that no erasure explains: ${shown(lost)}`);
  note(
    `Next: restore the log from a backup that holds them; without one, freshet log accept-loss --sequences ${shown(lost)}`,
  );
}

const shown = (ranges: readonly SequenceRange[]): string =>
  rangesText(ranges.slice(0, SHOWN)) + (ranges.length > SHOWN ? `, and ${ranges.length - SHOWN} ranges more` : '');

async function accept(log: Log, { sequences: text = '', reason, yes = false, json }: AcceptOptions): Promise<void> {
  const asked = parseRanges(text);
  if (!asked)
    throw new UsageError(
      `--sequences takes sequences and ranges such as 500-509,514, and not ${JSON.stringify(text)}.`,
      {
        next: 'freshet log check lists the missing sequences',
      },
    );
  const open = await toAccept(log, asked);
  const view = { sequences: rangesText(open), messages: sizeOf(open), accepted: false };
  if (open.length === 0) {
    if (json) return printJson(view);
    return print('The loss of all these sequences is accepted already.');
  }
  if (!yes) {
    if (json) return printJson(view);
    print(
      `The command would accept that ${count(view.messages)} messages are lost: ${shown(open)}. Each service that has folded one of them rebuilds its projection from the log and answers again after that.`,
    );
    const { fence } = await findGaps(log);
    if (open.some(({ first }) => first <= fence))
      print(
        `Up to sequence ${count(fence)} an erasure may have removed messages. Accept only what you know to be lost there.`,
      );
    note(`Nothing has changed.\nNext: the same command with --yes`);
    return;
  }
  const act = await acceptLoss(log, open, reason);
  if (json) return printJson({ ...view, accepted: true, ...act });
  print(
    `Accepted at sequence ${act.seq}: ${count(view.messages)} messages are lost (${shown(open)}). The services rebuild what they need to.`,
  );
  note('Next: freshet status; freshet verify once all services are ready');
}
