/** The snapshots of the model, and returning to one. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { count, number, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { Shadow } from './shadow.tsx';

interface Snapshot {
  object: string;
  seq: number;
  event_time: string | null;
  config: string;
  bytes: number;
  events: number;
  current: boolean;
  settings_differ: Record<string, [unknown, unknown]> | null;
  pinned: string | null;
  unfit: string | null;
}
interface Act {
  act: string;
  verb: string;
  seq: number;
  time: string;
  snapshot: string;
  file: boolean;
  reason: string | null;
}

export function SnapshotsPage() {
  const { data, problem, reload } = useLoad<{ snapshots: Snapshot[]; acts: Act[] }>('v1/snapshots');
  const [newest] = data?.acts ?? [];
  const rolledBack = newest !== undefined && newest.verb === 'rolled_back' && !newest.file;
  return (
    <>
      <h1 tabIndex={-1}>Snapshots and shadow</h1>
      <p class="lead">
        States of the model that the engine keeps. You can return to the settings and the ranker of one.
      </p>
      <ProblemNote problem={problem} />
      <div class="stack">
        {data !== undefined && (
          <section class="card" aria-labelledby="snapshots-title">
            <h2 id="snapshots-title">Snapshots</h2>
            {data.snapshots.length === 0 ? (
              <Empty>The engine has kept no snapshot yet.</Empty>
            ) : (
              <Table snapshots={data.snapshots} onAct={reload} />
            )}
            {rolledBack && <EndRollback onAct={reload} />}
          </section>
        )}
        {data !== undefined && data.acts.length > 0 && <Acts acts={data.acts} />}
        <Shadow onAct={reload} />
      </div>
    </>
  );
}

const Table = ({ snapshots, onAct }: { snapshots: readonly Snapshot[]; onAct: () => void }) => (
  <Scroll label="Snapshots" tall>
    <table class="wide">
      <thead>
        <tr>
          <th>snapshot</th>
          <th class="number">position</th>
          <th title="time of the newest event in it">event time</th>
          <th title="hash of the settings">configuration</th>
          <th class="number">events</th>
          <th class="number">size</th>
          <th>remarks</th>
          <th>act</th>
        </tr>
      </thead>
      <tbody>
        {snapshots.map((one) => (
          <tr key={one.object}>
            <td>
              <code>{one.object}</code>
            </td>
            <td class="number">{count(one.seq)}</td>
            <td class="when">{time(one.event_time)}</td>
            <td>
              <code>{one.config}</code>
            </td>
            <td class="number">{count(one.events)}</td>
            <td class="number">{number(one.bytes / 1_048_576)} MiB</td>
            <td>
              {one.current && <span class="tag good">in force</span>}
              {one.pinned !== null && <span class="tag warn">ranker pinned</span>}
              {Object.keys(one.settings_differ ?? {}).join(', ')}
              {one.unfit !== null && <span class="quiet">{one.unfit}</span>}
            </td>
            <td>
              {!one.current && one.unfit === null && (
                <RollBack object={one.object} differs={Object.keys(one.settings_differ ?? {})} onAct={onAct} />
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);

interface RollBackProps {
  object: string;
  /** Names of settings that differ from those in force. */
  differs: readonly string[];
  onAct: () => void;
}

function RollBack({ object, differs, onAct }: RollBackProps) {
  const [reason, setReason] = useState('');
  return (
    <Confirm
      label="Roll back"
      title={`Roll back to ${object}?`}
      danger
      small
      done="The rollback is recorded."
      onConfirm={async () => {
        const body = { snapshot: object, ...(reason.trim() === '' ? {} : { reason: reason.trim() }) };
        await call('v1/snapshots/rollback', { method: 'POST', body });
        onAct();
      }}
    >
      <p>
        The engine returns to the settings and the ranker of this snapshot; the statistics stay current. The ranker
        learns no more until you end the rollback.{' '}
        {differs.length === 0
          ? 'The settings are those in force, so it is in force at once.'
          : `These settings change: ${differs.join(', ')}. The engine folds the log under them first, then cuts over.`}
      </p>
      <label>
        Reason (optional), for the log
        <input type="text" value={reason} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
      </label>
    </Confirm>
  );
}

const EndRollback = ({ onAct }: { onAct: () => void }) => (
  <Confirm
    label="End the rollback"
    title="End the rollback?"
    done="The rollback has ended."
    onConfirm={async () => {
      await call('v1/snapshots/rollback', { method: 'POST', body: { end: true } });
      onAct();
    }}
  >
    <p>The engine uses the settings of the file again, and its ranker learns again.</p>
  </Confirm>
);

const Acts = ({ acts }: { acts: readonly Act[] }) => (
  <section class="card" aria-labelledby="acts-title">
    <h2 id="acts-title">Promotions and rollbacks</h2>
    <Scroll label="Promotions and rollbacks">
      <table class="wide">
        <thead>
          <tr>
            <th>act</th>
            <th class="number">position</th>
            <th>time</th>
            <th>snapshot</th>
            <th>reason</th>
          </tr>
        </thead>
        <tbody>
          {acts.map(({ act, verb, file, seq, time: when, snapshot, reason }) => (
            <tr key={act}>
              <td>{file ? 'ended rollback' : verb === 'promoted' ? 'promoted' : 'rolled back'}</td>
              <td class="number">{count(seq)}</td>
              <td class="when">{time(when)}</td>
              <td>
                <code>{snapshot}</code>
              </td>
              <td>{reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  </section>
);
