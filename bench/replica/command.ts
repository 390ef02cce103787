import { Command } from 'commander';
import { count, duration, note, print, printJson, table } from '../../src/cli/output.ts';
import { positive, whole } from '../../src/cli/values.ts';
import { type ReplicaFigures, type ReplicaOptions, type ReplicaStart, runReplica } from './replica.ts';

/** `npm run bench -- replica` */
export const replicaBench = (): Command =>
  new Command('replica')
    .description(
      'measure how long a new replica of the engine takes until it answers as the leader does, beside a fold from the first event',
    )
    .option('--events <n>', 'simulated interactions', positive, 100_000)
    .option('--behind <n>', 'how many of them come after the leader’s snapshot', whole, 1_000)
    .option('--users <n>', 'users whose lists are compared', positive, 20)
    .option('--json', 'write JSON')
    .action(async ({ json, ...options }: Omit<ReplicaOptions, 'say'> & { json?: boolean }) => {
      const figures = await runReplica({ ...options, say: note });
      if (json) printJson(figures);
      else print(textOf(figures));
    });

export function textOf({ events, nats, snapshot, leader, fromSnapshot, fromFirstEvent }: ReplicaFigures): string {
  const row = (what: string, { seconds, from, rowsAlone, equal, asked }: ReplicaStart): string[] => [
    what,
    duration(seconds),
    count(Math.round(events / seconds)),
    from === 0 ? '' : count(from),
    rowsAlone === 0 ? '' : duration(rowsAlone),
    `${equal} of ${asked}`,
  ];
  return [
    `${count(events)} messages, the leader’s snapshot at ${count(snapshot)}, nats-server ${nats}, Node ${process.version}`,
    `the leader folded the log up to its snapshot in ${duration(leader)}`,
    '',
    table(
      [row('from the snapshot', fromSnapshot), row('(a) from the first event', fromFirstEvent)],
      [
        'a new replica',
        'until its first lists',
        'messages/s',
        'model from',
        'of it, rows alone',
        'lists as the leader',
      ],
    ),
    '',
    `from the snapshot it is ${(fromFirstEvent.seconds / fromSnapshot.seconds).toFixed(1)} times as fast as (a)`,
  ].join('\n');
}
