/** Why an item has its score: one bar per reason, each beginning where the one before ends, so that they add up. */
import type { RankedItem, Reason } from '../../api/ranking.ts';
import { score, signed } from '../format.ts';
import { ItemLink } from '../ids.tsx';

interface Step {
  reason: Reason;
  from: number;
  to: number;
}

function stepsOf(reasons: readonly Reason[]): Step[] {
  let sum = 0;
  return reasons.map((reason) => {
    const from = sum;
    sum += reason.contribution;
    return { reason, from, to: sum };
  });
}

export function Why({ item }: { item: RankedItem }) {
  const steps = stepsOf(item.reasons ?? []);
  const ends = [0, item.score, ...steps.map(({ to }) => to)];
  const least = Math.min(...ends);
  const span = Math.max(...ends) - least || 1;
  const at = (value: number): number => ((value - least) / span) * 100;
  return (
    <div class="why">
      <p class="quiet why-about">
        Each bar is one reason and begins where the one before ends. Together they are the score, a number without a
        unit that only orders the list.
      </p>
      <ol>
        {steps.map(({ reason, from, to }, i) => (
          <li key={i}>
            <span class="why-text">
              <Sentence reason={reason} />
            </span>
            <span class="why-track" aria-hidden="true">
              <span
                class={`why-bar ${to < from ? 'less' : 'more'}`}
                style={{ left: `${at(Math.min(from, to))}%`, width: `${Math.max(0.5, Math.abs(at(to) - at(from)))}%` }}
              />
            </span>
            <span class="why-number">{signed(reason.contribution)}</span>
          </li>
        ))}
        <li class="why-sum">
          <span class="why-text">Score, the sum of all</span>
          <span class="why-track" aria-hidden="true">
            <span
              class="why-bar sum"
              style={{ left: `${at(Math.min(0, item.score))}%`, width: `${Math.abs(at(item.score) - at(0))}%` }}
            />
          </span>
          <span class="why-number">= {score(item.score)}</span>
        </li>
      </ol>
    </div>
  );
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** The reason in words. A reason that names an item of the history links it in place of its id and position. */
function Sentence({ reason }: { reason: Reason }) {
  const { says = reason.signal, item, seq } = reason;
  if (item === undefined) return <>{capital(says)}</>;
  const mention = new RegExp(`${escaped(item)}(?: \\((.*?)\\))?(?:, taken at sequence \\d+)?`);
  const [first = '', ...more] = says.split('; ');
  const found = mention.exec(first);
  if (!found) return <>{capital(says)}</>;
  const rest = more.map((text) => text.replace(mention, 'it'));
  return (
    <>
      {capital(first.slice(0, found.index))}
      <ItemLink item={item} title={found[1]} />
      {first.slice(found.index + found[0].length)}
      {rest.length > 0 && <span class="quiet why-more">{capital(rest.join('; '))}</span>}
      {seq !== undefined && <span class="hidden-visually"> (event at position {seq} of the log)</span>}
    </>
  );
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
