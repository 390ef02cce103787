/** Counts what a run notices about rows, so that a remark on a million rows is one sentence. */
import type { OnRemark } from './types.ts';

export interface Remarks {
  on(file: string): OnRemark;
  texts(): string[];
}

export function createRemarks(): Remarks {
  const counts = new Map<string, { file: string; what: string; rows: number; line: number }>();
  return {
    on: (file) => (what, line) => {
      const key = `${file}\n${what}`;
      const count = counts.get(key);
      if (count) count.rows++;
      else counts.set(key, { file, what, rows: 1, line });
    },
    texts: () =>
      [...counts.values()].map(({ file, what, rows, line }) =>
        rows === 1
          ? `${file}, line ${line}: ${what}`
          : `${file}: ${what}, in ${rows.toLocaleString('en')} rows; the first is in line ${line}`,
      ),
  };
}
