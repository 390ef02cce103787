/** The form that starts an experiment. */
import { useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { Confirm } from '../../parts/confirm.tsx';

interface Draft {
  arm: string;
  share: string;
  settings: string;
}

const FIRST: readonly Draft[] = [
  { arm: 'as-is', share: '0.5', settings: '{}' },
  { arm: 'diverse', share: '0.5', settings: '{"diversity": {"lambda": 0.7}}' },
];

export function StartExperiment({ onStart }: { onStart: () => void }) {
  const [name, setName] = useState('');
  const [arms, setArms] = useState<readonly Draft[]>(FIRST);
  const change = (i: number, part: Partial<Draft>): void =>
    setArms(arms.map((one, at) => (at === i ? { ...one, ...part } : one)));

  async function start(): Promise<void> {
    const body = {
      experiment: name.trim(),
      arms: arms.map(({ arm, share, settings }) => ({
        arm: arm.trim(),
        share: Number(share),
        settings: settingsOf(arm, settings),
      })),
    };
    await call('v1/experiments', { method: 'POST', body });
    setName('');
    onStart();
  }

  return (
    <section class="card" aria-labelledby="start-title">
      <h2 id="start-title">Start an experiment</h2>
      <label>
        Name, used once
        <input
          type="text"
          value={name}
          autocomplete="off"
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      {arms.map((one, i) => (
        <fieldset key={i} class="arm">
          <legend>{i === 0 ? 'First arm, the baseline' : `Arm ${i + 1}`}</legend>
          <label>
            Name
            <input
              type="text"
              value={one.arm}
              onInput={({ currentTarget }) => change(i, { arm: currentTarget.value })}
            />
          </label>
          <label>
            Share of the users, 0 to 1
            <input
              type="number"
              min="0"
              max="1"
              step="any"
              value={one.share}
              onInput={({ currentTarget }) => change(i, { share: currentTarget.value })}
            />
          </label>
          <label>
            Members of the request that it changes, JSON
            <input
              type="text"
              value={one.settings}
              spellcheck={false}
              onInput={({ currentTarget }) => change(i, { settings: currentTarget.value })}
            />
          </label>
        </fieldset>
      ))}
      <div class="bar">
        <button type="button" onClick={() => setArms([...arms, { arm: '', share: '0', settings: '{}' }])}>
          Another arm
        </button>
        {arms.length > 2 && (
          <button type="button" onClick={() => setArms(arms.slice(0, -1))}>
            Remove the last arm
          </button>
        )}
        <Confirm
          label="Start"
          title={`Start ${name.trim()}?`}
          disabled={name.trim() === ''}
          done="The experiment has started."
          onConfirm={start}
        >
          <p>From now on each user belongs to one arm, by a hash of the id, and gets the lists of that arm:</p>
          <ul>
            {arms.map(({ arm, share, settings }) => (
              <li key={arm}>
                {arm}: {Number(share) * 100} % of the users, <code>{settings}</code>
              </li>
            ))}
          </ul>
        </Confirm>
      </div>
    </section>
  );
}

function settingsOf(arm: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`The settings of the arm ${arm} are not JSON. Write {} for an arm that changes nothing.`);
  }
}
