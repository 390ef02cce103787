/** How a shadow, an engine with other settings on the same events, compares with the engine in force. */
import { useLoad } from '../../api/load.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, percent, signed } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Quality {
  hr: number;
  ndcg: number;
  mrr: number;
}
interface ShadowState {
  instance?: string;
  state: string;
  seq: number;
  lag: number;
  in_force: string;
  shadow: string;
  settings: Record<string, [unknown, unknown]>;
  compared: {
    events: number;
    users: number;
    in_force: Quality;
    shadow: Quality;
    difference: Record<keyof Quality, { mean: number; standard_error: number | null }>;
  };
}

const METRICS: readonly (readonly [keyof Quality, string, string])[] = [
  ['hr', 'HR@10', 'share of events whose item was among the first ten'],
  ['ndcg', 'NDCG@10', 'the same, where a higher place counts more'],
  ['mrr', 'MRR@10', 'mean of one by the place of the item'],
];

/** Standard errors of a 95 % interval. */
const INTERVAL = 1.96;

export function Shadow() {
  const { data, problem } = useLoad<{ shadows: ShadowState[] }>('v1/shadows');
  return (
    <section class="card" aria-labelledby="shadow-title">
      <h2 id="shadow-title">Shadow</h2>
      <ProblemNote problem={problem} />
      {data?.shadows.length === 0 && (
        <Empty>
          No shadow runs. Try other settings on the same events, without any effect on users:{' '}
          <code>npx freshet shadow start --config FILE</code>
        </Empty>
      )}
      {data?.shadows.map((one) => (
        <Comparison key={one.shadow} shadow={one} />
      ))}
    </section>
  );
}

const Comparison = ({ shadow: { state, seq, lag, shadow, in_force, settings, compared } }: { shadow: ShadowState }) => (
  <>
    <p>
      Configuration <code>{shadow}</code> beside <code>{in_force}</code> in force: {state}, at position {count(seq)},{' '}
      {count(lag)} events behind. Compared over {count(compared.events)} events of {count(compared.users)} users, which
      both ranked before they learned them.
    </p>
    <ul>
      {Object.entries(settings).map(([name, [now, other]]) => (
        <li key={name}>
          {name}: <code>{JSON.stringify(now)}</code> in force, <code>{JSON.stringify(other)}</code> in the shadow
        </li>
      ))}
    </ul>
    <Scroll label="Comparison">
      <table>
        <thead>
          <tr>
            <th>metric</th>
            <th class="number">in force</th>
            <th class="number">shadow</th>
            <th>difference, with a 95 % interval over users</th>
          </tr>
        </thead>
        <tbody>
          {METRICS.map(([metric, name, about]) => {
            const { mean, standard_error: error } = compared.difference[metric];
            return (
              <tr key={metric}>
                <td title={about}>{name}</td>
                <td class="number">{percent(compared.in_force[metric])}</td>
                <td class="number">{percent(compared.shadow[metric])}</td>
                <td>
                  {error === null
                    ? 'too few users to tell'
                    : `${signed(mean)} (${signed(mean - INTERVAL * error)} to ${signed(mean + INTERVAL * error)})`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  </>
);
