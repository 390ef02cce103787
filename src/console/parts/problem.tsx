import type { Problem } from '../api/problem.ts';

/** A problem with its next step. */
export const ProblemNote = ({ problem }: { problem: Problem | undefined }) =>
  problem === undefined ? null : (
    <div class="note bad" role="alert">
      <p>
        <strong>{problem.title}.</strong> {problem.detail}
      </p>
      {problem.next !== undefined && (
        <p>
          Next: <code>{problem.next}</code>
        </p>
      )}
      <p class="quiet">{problem.code}</p>
    </div>
  );
