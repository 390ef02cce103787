/** Experiments: arms, results, start and end. */
import { useState } from 'preact/hooks';
import { call, inPath } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import type { Arm, Results } from '../../api/results.ts';
import { ArmsTable } from '../../parts/arms.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { StartExperiment } from './start.tsx';

interface Experiment {
  experiment: string;
  state: string;
  arms: Arm[];
  started: string;
  ended: string | null;
  reason: string | null;
  /** Null while the feedback service does not know the experiment. */
  results: Results | null;
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
      <ArmsTable name={name} arms={arms} results={results} />
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
