/** The arms of an experiment, with their results. */
import type { Arm, ArmResult, Results } from '../api/results.ts';
import { count, percent, points } from './format.ts';
import { Scroll } from './scroll.tsx';

export function ArmsTable({ name, arms, results }: { name: string; arms: readonly Arm[]; results: Results | null }) {
  const settingsKnown = arms.some(({ settings }) => settings !== undefined);
  return (
    <>
      <Scroll label={`Arms of ${name}`}>
        <table class="wide">
          <thead>
            <tr>
              <th>arm</th>
              <th class="number" title="share of the users">
                share
              </th>
              {settingsKnown && <th title="members of the request that the arm changes">changes</th>}
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
            {arms.map(({ arm, share, settings = {} }, i) => {
              const result = results?.arms.find((one) => one.arm === arm);
              const beside = result?.beside_first;
              return (
                <tr key={arm}>
                  <td>{arm}</td>
                  <td class="number">{percent(share)}</td>
                  {settingsKnown && (
                    <td>
                      <code>{Object.keys(settings).length === 0 ? 'nothing' : JSON.stringify(settings)}</code>
                    </td>
                  )}
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
    </>
  );
}

function verdictOf(beside: ArmResult['beside_first'] | undefined): string {
  if (!beside) return 'too little to tell';
  if (!beside.found) return 'open';
  return beside.difference > 0 ? 'better' : 'worse';
}
