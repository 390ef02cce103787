import { Command } from 'commander';
import { call } from '../../bus/nats/micro.ts';
import type { SnapshotsAnswer, SnapshotView } from '../../engine/lifecycle/rollback.ts';
import { count, print, printJson, table } from '../output.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

/** Milliseconds to wait for the list from the engine. */
const LIST_MS = 30_000;

/** `freshet snapshots` */
export const snapshotsVerb = (): Command =>
  withCommon(
    new Command('snapshots').description(
      'list the snapshots of the model for a rollback, and all promotions and rollbacks',
    ),
  ).action((options: CommonOptions) =>
    withSession(options, async ({ nc }) => {
      const answer = await call<SnapshotsAnswer>(nc, 'freshet.engine.snapshots', {}, { timeoutMs: LIST_MS });
      if (options.json) return printJson(answer);
      const { snapshots, acts } = answer;
      print(snapshots.length === 0 ? 'No snapshots yet.' : snapshotsText(snapshots));
      if (acts.length === 0) return;
      print('');
      print(
        table(
          acts.map(({ verb, seq, time, snapshot, file, reason }) => [
            file ? 'ended rollback' : verb === 'promoted' ? 'promoted' : 'rolled back',
            seq,
            time,
            snapshot,
            reason ?? '',
          ]),
          ['act', 'seq', 'time', 'snapshot', 'reason'],
        ),
      );
    }),
  );

const snapshotsText = (snapshots: readonly SnapshotView[]): string =>
  table(
    snapshots.map(({ object, seq, event_time, config, events, bytes, ...one }) => [
      object,
      seq,
      event_time,
      config,
      events,
      `${count(Math.ceil(bytes / 1024))} KiB`,
      remarksOf(one),
    ]),
    ['snapshot', 'seq', 'event time', 'configuration', 'events', 'size', ''],
  );

function remarksOf({
  current,
  settings_differ,
  pinned,
  unfit,
}: Pick<SnapshotView, 'current' | 'settings_differ' | 'pinned' | 'unfit'>): string {
  const names = Object.keys(settings_differ ?? {});
  return [
    ...(current ? ['in force'] : []),
    ...(names.length > 0 ? [`differs in ${names.join(', ')}`] : []),
    ...(pinned === null ? [] : [`ranker pinned to ${pinned}`]),
    ...(unfit === null ? [] : [`cannot roll back: ${unfit}`]),
  ].join('; ');
}
