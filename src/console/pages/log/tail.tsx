/** The newest events, and each further one as it arrives. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, queryOf } from '../../api/call.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { follow, type StreamState } from '../../api/stream.ts';
import { Empty } from '../../parts/empty.tsx';
import { count } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';
import type { LogEntry, LogFilter, LogPage } from './entry.ts';
import { EventTable } from './event-table.tsx';

const PAGE = 50;
/** Events to keep on the page. */
const KEPT = 500;
/** Milliseconds between two updates of the page, however many events arrive. */
const SHOW_MS = 250;

export function Tail({ filter }: { filter: LogFilter }) {
  const [events, setEvents] = useState<readonly LogEntry[]>([]);
  const [next, setNext] = useState<number | null>(null);
  const [problem, setProblem] = useState<Problem | undefined>();
  const [state, setState] = useState<StreamState>('connecting');
  const [paused, setPaused] = useState(false);
  const [read, setRead] = useState(false);
  const pausedNow = useRef(paused);
  pausedNow.current = paused;
  const { type, user, item } = filter;

  const page = (before: number | undefined, signal?: AbortSignal): Promise<LogPage> =>
    call<LogPage>(`v1/log${queryOf({ before, n: PAGE, type, user, item })}`, signal ? { signal } : {});

  useEffect(() => {
    const stop = new AbortController();
    let arrived: LogEntry[] = [];
    const timer = setInterval(() => {
      if (arrived.length === 0 || pausedNow.current) return;
      const more = arrived;
      arrived = [];
      setEvents((old) => [...more.reverse(), ...old].slice(0, KEPT));
    }, SHOW_MS);
    page(undefined, stop.signal).then(
      (first) => {
        setEvents(first.events);
        setNext(first.next);
        setRead(true);
        return follow(
          `v1/log/stream${queryOf({ type, user, item, after: first.events[0]?.seq })}`,
          {
            onState: (now, why) => {
              setState(now);
              setProblem(why);
            },
            onEvent: (event, data) => {
              if (event === 'event') arrived = [...arrived.slice(1 - KEPT), data as LogEntry];
            },
          },
          stop.signal,
        );
      },
      (err) => {
        if (!isAbort(err)) setProblem(problemOf(err));
      },
    );
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, [type, user, item]);

  async function older(before: number): Promise<void> {
    try {
      const more = await page(before);
      setEvents((old) => [...old, ...more.events]);
      setNext(more.next);
    } catch (err) {
      setProblem(problemOf(err));
    }
  }

  const filtered = type !== undefined || user !== undefined || item !== undefined;
  return (
    <section class="card" aria-labelledby="events-title">
      <h2 id="events-title">Events</h2>
      <div class="bar">
        <span class="list-state">
          <span class={`dot ${state}`} aria-hidden="true" />
          {paused ? 'paused' : state === 'lost' ? 'connection lost, trying again' : state}
          <span class="quiet">{count(events.length)} shown</span>
        </span>
        <button type="button" class="small" aria-pressed={paused} onClick={() => setPaused(!paused)}>
          {paused ? 'Go on' : 'Pause'}
        </button>
      </div>
      <ProblemNote problem={problem} />
      {read && events.length === 0 && (
        <Empty>
          {filtered
            ? 'None of the events that the gateway has searched matches. Search further back, or change the filter.'
            : 'The log is empty. Publish an event: npx freshet publish viewed u42 --item i7'}
        </Empty>
      )}
      {events.length > 0 && <EventTable events={events} />}
      {next !== null && (
        <button type="button" class="small" onClick={() => void older(next)}>
          {filtered ? 'Search further back' : 'Older events'}
        </button>
      )}
    </section>
  );
}
