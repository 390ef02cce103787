/** Erasures under way, forgetting a user, and the export of all data on a user. */
import { useState } from 'preact/hooks';
import { call, inPath, request } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { type Problem, problemOf } from '../../api/problem.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { ago, count, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { forgetUser } from '../../parts/user-picker.tsx';
import { announce } from '../../shell/announce.tsx';
import { hrefOf, place } from '../../shell/router.ts';
import type { Erasure, ErasureList } from './erasure.ts';

/** Milliseconds between two reads. */
const EVERY_MS = 3_000;

export function ErasuresPage() {
  const list = useLoad<ErasureList>('v1/erasures', EVERY_MS);
  return (
    <>
      <h1 tabIndex={-1}>Erasures and exports</h1>
      <p class="lead">What Freshet holds on a user, and how it forgets one.</p>
      <div class="columns">
        <section class="card" aria-labelledby="erasures-title">
          <h2 id="erasures-title">Erasures</h2>
          {list.data !== undefined && list.data.total > 0 && (
            <p class="quiet">
              {count(list.data.open)} open, {count(list.data.overdue)} of them overdue; {count(list.data.total)} in all.
            </p>
          )}
          <ProblemNote problem={list.problem} />
          {list.data?.erasures.length === 0 && <Empty>No erasure is open, and none was recently.</Empty>}
          {list.data !== undefined && list.data.erasures.length > 0 && <Erasures erasures={list.data.erasures} />}
        </section>
        <OneUser onForget={list.reload} />
      </div>
    </>
  );
}

const toneOf = ({ state, overdue }: Erasure): string => (overdue ? 'bad' : state === 'done' ? 'good' : 'warn');

const Erasures = ({ erasures }: { erasures: readonly Erasure[] }) => (
  <Scroll label="Erasures" tall>
    <table class="medium">
      <thead>
        <tr>
          <th title="An erasure does not name its user.">erasure</th>
          <th>state</th>
          <th>requested</th>
          <th title="by when every state must equal the one that the log gives without the user">deadline</th>
          <th>waits for</th>
        </tr>
      </thead>
      <tbody>
        {erasures.map((one) => (
          <tr key={one.erasure}>
            <td>
              <code title={one.erasure}>{one.erasure.slice(0, 8)}</code>
            </td>
            <td>
              <span class={`tag ${toneOf(one)}`}>{one.overdue ? `${one.state}, overdue` : one.state}</span>
            </td>
            <td class="when" title={time(one.requested)}>
              {ago(one.requested)}
            </td>
            <td class="when" title={time(one.deadline)}>
              {one.done === null ? ago(one.deadline) : `done ${ago(one.done)}`}
            </td>
            <td>
              {one.waits_for.map((text) => (
                <div key={text}>{text}</div>
              ))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
);

function OneUser({ onForget }: { onForget: () => void }) {
  const [user, setUser] = useState(place.value.query.get('user') ?? '');
  const [again, setAgain] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const named = user.trim() !== '';

  async function download(): Promise<void> {
    setBusy(true);
    try {
      const response = await request(`v1/users/${inPath(user.trim())}/export`);
      const address = URL.createObjectURL(await response.blob());
      const link = document.createElement('a');
      link.href = address;
      link.download = 'export.json';
      link.click();
      URL.revokeObjectURL(address);
      setProblem(undefined);
      announce('The export is downloaded.');
    } catch (err) {
      setProblem(problemOf(err));
    }
    setBusy(false);
  }

  return (
    <section class="card" aria-labelledby="user-title">
      <h2 id="user-title">One user</h2>
      <label>
        Id of the user
        <input
          type="text"
          value={user}
          autocomplete="off"
          spellcheck={false}
          onInput={({ currentTarget }) => setUser(currentTarget.value)}
        />
      </label>
      <ProblemNote problem={problem} />
      <div class="bar">
        <button type="button" disabled={!named || busy} onClick={() => void download()}>
          Export all data
        </button>
        <Confirm
          label="Forget"
          title={`Forget ${user.trim()}?`}
          danger
          disabled={!named}
          done="The erasure has begun."
          onConfirm={async () => {
            if (again !== user.trim()) throw new Error('The ids differ. Type the id of the user to forget.');
            await call(`v1/users/${inPath(user.trim())}`, { method: 'DELETE' });
            forgetUser(user.trim());
            // The id may stand in the address, if a link led here.
            history.replaceState(null, '', hrefOf('erasures'));
            setUser('');
            setAgain('');
            onForget();
          }}
        >
          <p>
            This erases all events, rows, statistics, lists and snapshots of the user, and of the sessions that became
            this user. Nobody can undo it. The table shows its progress.
          </p>
          <label>
            Type the id of the user again
            <input
              type="text"
              autocomplete="off"
              spellcheck={false}
              value={again}
              onInput={({ currentTarget }) => setAgain(currentTarget.value)}
            />
          </label>
        </Confirm>
      </div>
      <p class="quiet">
        The export is one JSON document: the records of each service, and the events of the user and of the sessions
        that became this user.
      </p>
    </section>
  );
}
