/** Experiments: arms, results, start and end. */
import { useState } from 'preact/hooks';
import { call, inPath } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { count, percent, points, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';
import { StartExperiment } from './start.tsx';

export interface Arm {
  arm: string;
  share: number;
  settings: object;
}
interface Experiment {
  experiment: string;
  state: string;
  arms: Arm[];
  started: string;
  ended: string | null;
  reason: string | null;
  /** Null while the feedback service does not know the experiment. */
  results: { alpha: number; arms: ArmResult[] } | null;
}
interface ArmResult {
  arm: string;
  users: number;
  impressions: number;
  clicks: number;
  ctr: number | null;
  beside_first: { difference: number; interval: [number, number]; p: number; found: boolean } | null;
}

export function ExperimentsPage() {
  const experiments = useLoad<{ experiments: Experiment[] }>('v1/experiments');
  return (
    <>
      <h1 tabIndex={-1}>Experiments</h1>
      <p class="lead">
        Users divided into arms that get different lists. The results are valid at any time, however often you look.
      </p>
      <ProblemNote problem={experiments.problem} />
      <div class="stack">
        {experiments.data?.experiments.length === 0 && <Empty>No experiment yet.</Empty>}
        {experiments.data?.experiments.map((one) => (
          <OneExperiment key={one.experiment} experiment={one} onEnd={experiments.reload} />
        ))}
        <StartExperiment onStart={experiments.reload} />
      </div>
    </>
  );
}

interface OneExperimentProps {
  experiment: Experiment;
  onEnd: () => void;
}

function OneExperiment({ experiment, onEnd }: OneExperimentProps) {
  const { experiment: name, state, arms, started, ended, reason, results } = experiment;
  const [why, setWhy] = useState('');
  const title = `experiment-${name}`;
  return (
    <section class="card" aria-labelledby={title}>
      <h2 id={title}>
        {name} <span class={`tag ${state === 'running' ? 'good' : ''}`}>{state}</span>
      </h2>
      <p class="quiet">
        Since {time(started)}
        {ended !== null && `, until ${time(ended)}`}
        {reason !== null && `: ${reason}`}
      </p>
      <Scroll label={`Arms of ${name}`}>
        <table class="wide">
          <thead>
            <tr>
              <th>arm</th>
              <th class="number" title="share of the users">
                share
              </th>
              <th title="members of the request that the arm changes">changes</th>
              <th class="number">users</th>
              <th class="number">impressions</th>
              <th class="number" title="clicked impressions per impression">
                CTR
              </th>
              <th title="difference of the CTR to the first arm in percentage points, with an interval that holds at any time">
                difference to the first
              </th>
              <th>verdict</th>
            </tr>
          </thead>
          <tbody>
            {arms.map(({ arm, share, settings }, i) => {
              const result = results?.arms.find((one) => one.arm === arm);
              const beside = result?.beside_first;
              return (
                <tr key={arm}>
                  <td>{arm}</td>
                  <td class="number">{percent(share)}</td>
                  <td>
                    <code>{Object.keys(settings).length === 0 ? 'nothing' : JSON.stringify(settings)}</code>
                  </td>
                  <td class="number">{result === undefined ? '–' : count(result.users)}</td>
                  <td class="number">{result === undefined ? '–' : count(result.impressions)}</td>
                  <td class="number">{result?.ctr == null ? '–' : percent(result.ctr)}</td>
                  <td>
                    {beside == null
                      ? '–'
                      : `${points(beside.difference)} (${points(beside.interval[0])} to ${points(beside.interval[1])})`}
                  </td>
                  <td>{i === 0 ? '' : verdictOf(beside)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </Scroll>
      {results !== null && (
        <p class="quiet">
          Differences count users, not impressions. The probability of a false difference is at most{' '}
          {percent(results.alpha)}.
        </p>
      )}
      {state === 'running' && (
        <Confirm
          label="End"
          title={`End ${name}?`}
          danger
          done={`The experiment ${name} has ended.`}
          onConfirm={async () => {
            await call(`v1/experiments/${inPath(name)}/end`, {
              method: 'POST',
              body: why.trim() === '' ? {} : { reason: why.trim() },
            });
            onEnd();
          }}
        >
          <p>
            All users get the lists of the engine’s own settings again. The results stay. You cannot start an experiment
            of this name again.
          </p>
          <label>
            Reason (optional), for the log
            <input type="text" value={why} onInput={({ currentTarget }) => setWhy(currentTarget.value)} />
          </label>
        </Confirm>
      )}
    </section>
  );
}

function verdictOf(beside: ArmResult['beside_first'] | undefined): string {
  if (!beside) return 'too little to tell';
  if (!beside.found) return 'open';
  return beside.difference > 0 ? 'better' : 'worse';
}
