/** The list as of an earlier position of the log. The gateway folds it from the nearest snapshot, and says how far it is. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { readEvents } from '../../../client/sse.ts';
import { inPath, queryOf, request } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { LIST_FIELDS, type Ranking } from '../../api/ranking.ts';
import { count, time } from '../../parts/format.ts';
import { Origin } from '../../parts/list/live-list.tsx';
import { itemsOf, movesBetween } from '../../parts/list/moves.ts';
import { RankedList } from '../../parts/list/ranked-list.tsx';
import { ProblemNote } from '../../parts/problem.tsx';
import { announce } from '../../shell/announce.tsx';

interface Progress {
  /** Messages of the log that are folded, and that have to be. */
  done: number;
  of: number | null;
}

interface EarlierRanking extends Ranking {
  as_of: { seq: number; time: string };
}

/** Attempts after a cancelled list, which the gateway takes a moment to end, and milliseconds between two. */
const ATTEMPTS = 8;
const AGAIN_MS = 500;

export function Earlier({ user, current }: { user: string; current: Ranking }) {
  const [head] = useState(current.seq);
  const [seq, setSeq] = useState(head);
  const [progress, setProgress] = useState<Progress | undefined>();
  const [list, setList] = useState<EarlierRanking | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const running = useRef<AbortController | undefined>(undefined);
  const snapshots = useLoad<{ snapshots: { object: string; seq: number; unfit: string | null }[] }>('v1/snapshots');
  const cheap = (snapshots.data?.snapshots ?? []).filter((one) => one.seq < head && one.unfit === null).slice(0, 6);
  useEffect(() => () => running.current?.abort(), []);

  async function compute(position: number): Promise<void> {
    let attempts = running.current === undefined ? 1 : ATTEMPTS;
    running.current?.abort();
    const stop = new AbortController();
    running.current = stop;
    setSeq(position);
    setProblem(undefined);
    setProgress({ done: 0, of: null });
    try {
      const query = queryOf({ seq: position, n: current.items.length || 10, fields: LIST_FIELDS });
      const path = `v1/users/${inPath(user)}/recommendations/at${query}`;
      let response: Response | undefined;
      while (response === undefined) {
        try {
          response = await request(path, { signal: stop.signal });
        } catch (err) {
          if (problemOf(err).status !== 409 || --attempts <= 0) throw err;
          await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        }
      }
      for await (const { event, data } of readEvents(response, () => {})) {
        const message: unknown = JSON.parse(data);
        if (event === 'progress') setProgress(message as Progress);
        else if (event === 'problem') setProblem(message as Problem);
        else if (event === 'list') {
          setList(message as EarlierRanking);
          announce(`The list at position ${position} is computed.`);
        }
      }
    } catch (err) {
      if (!isAbort(err)) setProblem(problemOf(err));
    }
    if (running.current === stop) {
      // A cancelled one stays known, because the gateway may not have ended it yet.
      if (!stop.signal.aborted) running.current = undefined;
      setProgress(undefined);
    }
  }

  return (
    <>
      <label>
        Position in the log: {count(seq)} of {count(head)}
        <input
          type="range"
          min={1}
          max={head}
          value={seq}
          onInput={({ currentTarget }) => setSeq(Number(currentTarget.value))}
        />
      </label>
      <div class="bar">
        <button type="button" class="main" disabled={progress !== undefined} onClick={() => void compute(seq)}>
          Compute the list at this position
        </button>
        {progress !== undefined && (
          <>
            <progress
              aria-label="events folded"
              {...(progress.of === null ? {} : { value: progress.done, max: progress.of })}
            />
            <span class="quiet">
              {progress.of === null ? 'begins' : `${count(progress.done)} of ${count(progress.of)} events folded`}
            </span>
            <button type="button" onClick={() => running.current?.abort()}>
              Cancel
            </button>
          </>
        )}
      </div>
      {cheap.length > 0 && (
        <p class="chips">
          <span class="quiet">At once, from a kept snapshot:</span>
          {cheap.map((one) => (
            <button key={one.object} type="button" class="small" onClick={() => void compute(one.seq)}>
              {count(one.seq)}
            </button>
          ))}
        </p>
      )}
      <ProblemNote problem={problem} />
      {list !== undefined && (
        <>
          <p class="quiet">
            As of position {count(list.as_of.seq)}, {time(list.as_of.time)}. Moves are compared with the list of now.
          </p>
          <RankedList ranking={list} moves={movesBetween(itemsOf(current), itemsOf(list))} />
          <Origin ranking={list} />
        </>
      )}
    </>
  );
}
