/** Events that a service set aside, and what to do with each. */
import { useState } from 'preact/hooks';
import { queryOf } from '../../api/call.ts';
import { usePages } from '../../api/pages.ts';
import { Empty } from '../../parts/empty.tsx';
import { count } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { hrefOf } from '../../shell/router.ts';
import type { DeadLetter, DeadLetters } from './dead-letter.ts';
import { Decide } from './decide.tsx';

export function DeadLettersPage() {
  const [round, setRound] = useState(0);
  const { page, problem, more } = usePages<DeadLetters, number>(
    (before) => `v1/dead-letters${queryOf({ before })}`,
    (before, next) => ({ ...next, dead_letters: [...before.dead_letters, ...next.dead_letters] }),
    round,
  );

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
            <One key={dead.seq} dead={dead} onDone={() => setRound(round + 1)} />
          ))}
          {page.next !== null && (
            <button type="button" onClick={() => more(page.next as number)}>
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
    <h2 id="reasons-title">
      {count(page.count)} event{page.count === 1 ? '' : 's'}, by reason
    </h2>
    <p class="chips">
      {page.reasons.map(({ code, events }) => (
        <span key={code}>
          <span class="tag bad">{count(events)}</span>
          <code>{code}</code>
        </span>
      ))}
    </p>
  </section>
);

function One({ dead, onDone }: { dead: DeadLetter; onDone: () => void }) {
  const { seq, subject, event, text = '', services, problem } = dead;
  const title = `dead-${seq}`;
  const [first] = services;
  return (
    <section class="card" aria-labelledby={title}>
      <h2 id={title}>
        <a href={hrefOf('log', String(seq))}>Event {seq}</a>{' '}
        {services.map(({ service }) => (
          <span key={service} class="tag bad">
            {service}
          </span>
        ))}
      </h2>
      <p>
        {first?.message} <span class="quiet">{first?.code}</span>
      </p>
      <p class="quiet">
        <code>{subject}</code>
      </p>
      <pre>{event === null ? text : JSON.stringify(event, null, 2)}</pre>
      {problem === null && (
        <p class="note good">This release can read the event now. A rebuild of the services folds it.</p>
      )}
      <Decide dead={dead} onDone={onDone} />
    </section>
  );
}
