/** Events that a service set aside, and what to do with each. */
import { useEffect, useState } from 'preact/hooks';
import { call, queryOf } from '../../api/call.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { Empty } from '../../parts/empty.tsx';
import { count, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { hrefOf } from '../../shell/router.ts';
import type { DeadLetter, DeadLetters } from './dead-letter.ts';
import { Decide } from './decide.tsx';

export function DeadLettersPage() {
  const [page, setPage] = useState<DeadLetters | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const [round, setRound] = useState(0);

  async function read(cursor: string | undefined, signal?: AbortSignal): Promise<void> {
    try {
      const next = await call<DeadLetters>(`v1/dead-letters${queryOf({ cursor })}`, signal ? { signal } : {});
      setPage((old) =>
        cursor === undefined || old === undefined
          ? next
          : { ...next, dead_letters: [...old.dead_letters, ...next.dead_letters] },
      );
      setProblem(undefined);
    } catch (err) {
      if (!isAbort(err)) setProblem(problemOf(err));
    }
  }
  useEffect(() => {
    const stop = new AbortController();
    void read(undefined, stop.signal);
    return () => stop.abort();
  }, [round]);

  return (
    <>
      <h1 tabIndex={-1}>Dead letters</h1>
      <p class="lead">
        Events that a service could not fold. They stay in the log; what people get is as if they had not happened.
      </p>
      <ProblemNote problem={problem} />
      {page !== undefined && page.dead_letters.length === 0 && <Empty>No event waits for a decision.</Empty>}
      {page !== undefined && page.dead_letters.length > 0 && (
        <div class="stack">
          <Reasons page={page} />
          {page.dead_letters.map((dead) => (
            <One key={`${dead.service}/${dead.seq}`} dead={dead} onDone={() => setRound(round + 1)} />
          ))}
          {page.next !== null && (
            <button type="button" onClick={() => void read(page.next as string)}>
              More dead letters
            </button>
          )}
        </div>
      )}
    </>
  );
}

const Reasons = ({ page }: { page: DeadLetters }) => (
  <section class="card" aria-labelledby="reasons-title">
    <h2 id="reasons-title">By reason</h2>
    <p class="chips">
      {page.by_reason.map(({ code, count: n }) => (
        <span key={code}>
          <code>{code}</code> {count(n)}
        </span>
      ))}
    </p>
  </section>
);

function One({ dead, onDone }: { dead: DeadLetter; onDone: () => void }) {
  const { service, seq, code, message, subject, event } = dead;
  const title = `dead-${service}-${seq}`;
  return (
    <section class="card" aria-labelledby={title}>
      <h2 id={title}>
        <a href={hrefOf('log', String(seq))}>Event {seq}</a> <span class="tag bad">{service}</span>
      </h2>
      <p>
        {message} <span class="quiet">{code}</span>
      </p>
      <p class="quiet">
        <code>{subject}</code>
        {dead.time !== undefined && `, stored ${time(dead.time)}`}
      </p>
      <pre>{event == null ? (dead.text ?? '') : JSON.stringify(event, null, 2)}</pre>
      <Decide dead={dead} onDone={onDone} />
    </section>
  );
}
