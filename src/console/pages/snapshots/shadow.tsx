/** How a shadow, an engine with other settings on the same events, compares with the engine in force. */
import { call } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Empty } from '../../parts/empty.tsx';
import { count, percent, points } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { Scroll } from '../../parts/scroll.tsx';

interface Quality {
  hr: number;
  ndcg: number;
  mrr: number;
}
interface ShadowState {
  state: string;
  seq: number;
  lag: number;
  in_force: string;
  shadow: string;
  /** Whether the engine in force still has the settings that the shadow compares with. */
  current: boolean;
  settings: Record<string, [unknown, unknown]>;
  compared: {
    events: number;
    users: number;
    in_force: Quality;
    shadow: Quality;
    difference: Record<keyof Quality, { mean: number }>;
    /** 95 %; null while there are too few users. */
    intervals: Record<keyof Quality, [number, number] | null>;
  };
}

const METRICS: readonly (readonly [keyof Quality, string, string])[] = [
  ['hr', 'HR@10', 'share of events whose item was among the first ten'],
  ['ndcg', 'NDCG@10', 'the same, where a higher place counts more'],
  ['mrr', 'MRR@10', 'mean of one by the place of the item'],
];

export function Shadow({ onAct }: { onAct: () => void }) {
  const { data, problem, reload } = useLoad<{ shadow: ShadowState | null }>('v1/shadow');
  return (
    <section class="card" aria-labelledby="shadow-title">
      <h2 id="shadow-title">Shadow</h2>
      <ProblemNote problem={problem} />
      {data?.shadow === null && (
        <Empty>
          No shadow runs. Try other settings on the same events, without any effect on users:{' '}
          <code>npx freshet shadow start --config FILE</code>
        </Empty>
      )}
      {data?.shadow != null && (
        <>
          <Comparison shadow={data.shadow} />
          <Promote
            shadow={data.shadow}
            onAct={() => {
              reload();
              onAct();
            }}
          />
        </>
      )}
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
            <th>difference in percentage points, with a 95 % interval over users</th>
          </tr>
        </thead>
        <tbody>
          {METRICS.map(([metric, name, about]) => {
            const { mean } = compared.difference[metric];
            const interval = compared.intervals[metric];
            return (
              <tr key={metric}>
                <td title={about}>{name}</td>
                <td class="number">{percent(compared.in_force[metric])}</td>
                <td class="number">{percent(compared.shadow[metric])}</td>
                <td>
                  {interval === null
                    ? 'too few users to tell'
                    : `${points(mean)} (${points(interval[0])} to ${points(interval[1])})`}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroll>
  </>
);

const Promote = ({ shadow: { shadow, current, settings }, onAct }: { shadow: ShadowState; onAct: () => void }) => (
  <>
    {!current && (
      <p class="note warn">
        The engine has other settings now than those that this shadow compares itself with. Start the shadow again.
      </p>
    )}
    <Confirm
      label="Promote"
      title="Put the settings of the shadow in force?"
      danger
      done="The promotion is recorded."
      onConfirm={async () => {
        await call('v1/shadow/promote', { method: 'POST', body: {} });
        onAct();
      }}
    >
      <p>
        The engine folds the log under configuration <code>{shadow}</code>, then cuts over without a pause. From then on
        all users get its lists. These settings change: {Object.keys(settings).join(', ')}. The shadow ends. You can
        roll back.
      </p>
    </Confirm>
  </>
);
