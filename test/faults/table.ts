/** The results as a table: docs/reference/faults.md shows it. */
import { count } from '../../src/cli/output.ts';
import type { FaultResult } from './fault.ts';

/** Milliseconds as seconds, in two digits. */
const seconds = (ms: number): string => (ms / 1_000).toFixed(2);

function recoveryOf(recovery: readonly number[]): string {
  const sorted = [...recovery].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const longest = sorted.at(-1);
  if (median === undefined || longest === undefined) return '-';
  return sorted.length === 1 ? seconds(median) : `${seconds(median)} / ${seconds(longest)}`;
}

export const HEAD = ['Fault', 'Injected', 'Events acknowledged', 'Lost', 'Doubled', 'Recovery, s (median / longest)'];

/** A Markdown table. */
export function tableOf(results: readonly FaultResult[]): string {
  const rows = results
    .filter(({ skipped }) => skipped === undefined)
    .map(({ what, notes, injected, acknowledged, lost, doubled, recovery }) => [
      [what, ...notes].join('; '),
      count(injected),
      count(acknowledged),
      count(lost),
      count(doubled),
      recoveryOf(recovery),
    ]);
  return [HEAD, ['---', '---:', '---:', '---:', '---:', '---:'], ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n');
}

export const isWell = ({ lost, doubled, wrong }: FaultResult): boolean =>
  lost === 0 && doubled === 0 && wrong.length === 0;
