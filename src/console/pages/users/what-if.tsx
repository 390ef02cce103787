/** The list that a user would get if the user had done something else. Publishes nothing. */
import { useEffect, useState } from 'preact/hooks';
import { call, inPath, queryOf } from '../../api/call.ts';
import { useLoad } from '../../api/load.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { LIST_FIELDS, type Ranking } from '../../api/ranking.ts';
import { titleOf } from '../../api/titles.ts';
import { ItemLink } from '../../parts/ids.tsx';
import { ItemSearch } from '../../parts/item-search.tsx';
import { itemsOf, movesBetween } from '../../parts/list/moves.ts';
import { RankedList } from '../../parts/list/ranked-list.tsx';
import { ProblemNote } from '../../parts/problem.tsx';

interface History {
  events: { id: string; type: string; item: string; seq: number }[];
}

interface WhatIfRanking extends Ranking {
  /** The list by the same method, for the history as it is. */
  unchanged: Ranking;
}

/** Newest interactions to choose from. */
const OFFERED = 12;

export function WhatIf({ user, current }: { user: string; current: Ranking }) {
  const [add, setAdd] = useState<readonly string[]>([]);
  const [leaveOut, setLeaveOut] = useState<readonly string[]>([]);
  const [list, setList] = useState<WhatIfRanking | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const history = useLoad<History>(`v1/users/${inPath(user)}/history${queryOf({ n: OFFERED })}`);
  const nothing = add.length === 0 && leaveOut.length === 0;

  useEffect(() => {
    if (nothing) {
      setList(undefined);
      return;
    }
    const stop = new AbortController();
    const body = { user, add, leave_out: leaveOut, n: current.items.length || 10, fields: LIST_FIELDS, explain: true };
    call<WhatIfRanking>('v1/what-if', { method: 'POST', body, signal: stop.signal }).then(
      (answer) => {
        setList(answer);
        setProblem(undefined);
      },
      (err) => {
        if (!isAbort(err)) setProblem(problemOf(err));
      },
    );
    return () => stop.abort();
  }, [user, add, leaveOut, current.seq]);

  const items = [...new Set((history.data?.events ?? []).map(({ item }) => item))];
  return (
    <div class="columns">
      <div>
        <h3>Leave out of the history</h3>
        {problemless(history.problem) && items.length === 0 && <p class="empty">The history is empty.</p>}
        <ul class="toggles">
          {items.map((item) => (
            <li key={item}>
              <button
                type="button"
                class="small"
                aria-pressed={leaveOut.includes(item)}
                onClick={() =>
                  setLeaveOut(leaveOut.includes(item) ? leaveOut.filter((one) => one !== item) : [...leaveOut, item])
                }
              >
                {titleOf(item)}
              </button>
            </li>
          ))}
        </ul>
        <h3>Add to the history</h3>
        <ItemSearch
          n={5}
          actions={({ item }) => (
            <button
              type="button"
              class="small"
              aria-label={`Add ${titleOf(item)}`}
              onClick={() => setAdd([...add, item])}
            >
              Add
            </button>
          )}
        />
        {add.length > 0 && (
          <ul class="found">
            {add.map((item, i) => (
              <li key={i}>
                <span class="found-title">
                  <ItemLink item={item} />
                </span>
                <button type="button" class="small" onClick={() => setAdd(add.filter((_, at) => at !== i))}>
                  Take back
                </button>
              </li>
            ))}
          </ul>
        )}
      </div>
      <div>
        <h3>The list then</h3>
        <ProblemNote problem={problem} />
        {nothing ? (
          <p class="empty">Add an item, or leave one out. Nothing is published.</p>
        ) : (
          list !== undefined && (
            <>
              <p class="quiet">
                Moves are compared with the list for the history as it is, made in the same way: from the items of the
                newest interactions. Dismissals, traits and experiments do not count here, so that list can differ from
                the one above.
              </p>
              <RankedList ranking={list} moves={movesBetween(itemsOf(list.unchanged), itemsOf(list))} />
            </>
          )
        )}
      </div>
    </div>
  );
}

/** A user without events has no history, which is no problem here. */
const problemless = (problem: Problem | undefined): boolean => problem === undefined || problem.status === 404;
