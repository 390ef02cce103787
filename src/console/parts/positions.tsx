/** How people react to lists, by position, with intervals. */
import type { ByPosition } from '../api/results.ts';
import { count, percent } from './format.ts';
import { Scroll } from './scroll.tsx';

export function Positions({ rows, label }: { rows: ByPosition['by_position']; label: string }) {
  const most = Math.max(0.01, ...rows.map(({ ctr_interval: [, high] }) => high));
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            <th class="number" title="place in the list; 1 is first">
              position
            </th>
            <th class="number" title="items shown at this place">
              impressions
            </th>
            <th class="number">CTR</th>
            <th>95 % interval</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ position, impressions, ctr, ctr_interval: [low, high] }) => (
            <tr key={position}>
              <td class="number">{position + 1}</td>
              <td class="number">{count(impressions)}</td>
              <td class="number">{percent(ctr)}</td>
              <td>
                <span class="interval" aria-hidden="true">
                  <span
                    class="interval-range"
                    style={{ left: `${(low / most) * 100}%`, width: `${((high - low) / most) * 100}%` }}
                  />
                  <span class="interval-mark" style={{ left: `${(ctr / most) * 100}%` }} />
                </span>
                <span class="interval-text">
                  {percent(low)} to {percent(high)}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
