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
          Next: <NextStep text={problem.next} />
        </p>
      )}
      <p class="quiet">{problem.code}</p>
    </div>
  );

/** Commands stand out; other steps are sentences. */
export const NextStep = ({ text }: { text: string }) => (/^(npx )?freshet /.test(text) ? <code>{text}</code> : text);
