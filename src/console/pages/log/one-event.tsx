/** One event of the log, as it was published. */
import { inPath } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import { hrefOf } from '../../shell/router.ts';
import type { LogEntry } from './entry.ts';
import { EventTable } from './event-table.tsx';

export function OneEvent({ seq }: { seq: string }) {
  const { data, problem } = useLoad<LogEntry>(`v1/log/${inPath(seq)}`);
  const position = Number(seq);
  return (
    <>
      <h1 tabIndex={-1}>Event {seq}</h1>
      <p class="lead chips">
        <a href={hrefOf('log')}>All events</a>
        {position > 1 && <a href={hrefOf('log', String(position - 1))}>Previous</a>}
        {Number.isInteger(position) && <a href={hrefOf('log', String(position + 1))}>Next</a>}
      </p>
      <ProblemNote problem={problem} />
      {data !== undefined && (
        <section class="card" aria-labelledby="event-title">
          <h2 id="event-title">Stored {time(data.time)}</h2>
          <EventTable events={[data]} />
          <h3>As it was published</h3>
          <pre>{data.event === null ? data.text : JSON.stringify(data.event, null, 2)}</pre>
          <p class="quiet">
            Subject on the bus: <code>{data.subject}</code>
          </p>
        </section>
      )}
    </>
  );
}
