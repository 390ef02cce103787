/** The list of a user as it changes: the gateway sends it again whenever an event has moved it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { inPath, queryOf } from '../../api/call.ts';
import type { Problem } from '../../api/problem.ts';
import { LIST_FIELDS, type RankedItem, type Ranking } from '../../api/ranking.ts';
import { follow, type StreamState } from '../../api/stream.ts';
import { learnTitle } from '../../api/titles.ts';
import { announce } from '../../shell/announce.tsx';
import { count, time } from '../format.ts';
import { ProblemNote } from '../problem.tsx';
import { changeInWords, itemsOf, type Moves, movesBetween } from './moves.ts';
import { RankedList } from './ranked-list.tsx';

interface LiveListProps {
  user: string;
  /** Items of the list. */
  n?: number;
  onRanking?: (ranking: Ranking) => void;
  actions?: (item: RankedItem) => ComponentChildren;
}

interface Shown {
  ranking: Ranking;
  moves: Moves;
  changed: number;
  changes: number;
}

const STATES: Readonly<Record<StreamState, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'connection lost, trying again',
};

export function LiveList({ user, n = 10, onRanking, actions }: LiveListProps) {
  const [state, setState] = useState<StreamState>('connecting');
  const [problem, setProblem] = useState<Problem | undefined>();
  const [shown, setShown] = useState<Shown | undefined>();
  const handler = useRef(onRanking);
  handler.current = onRanking;

  useEffect(() => {
    const stop = new AbortController();
    const path = `v1/users/${inPath(user)}/recommendations/stream${queryOf({ n, explain: true, fields: LIST_FIELDS })}`;
    let last: Ranking | undefined;
    let changes = 0;
    void follow(
      path,
      {
        onState: (now, why) => {
          setState(now);
          setProblem(why);
        },
        onEvent: (event, data) => {
          if (event !== 'ranking') return;
          const ranking = data as Ranking;
          for (const { item, fields } of ranking.items) learnTitle(item, fields?.title);
          const before = itemsOf(last);
          const after = itemsOf(ranking);
          const moves: Moves = last === undefined ? new Map() : movesBetween(before, after);
          if (last !== undefined) {
            changes++;
            const [first] = ranking.items;
            const gone = before.filter((item) => !after.includes(item)).length;
            announce(changeInWords(moves, gone, first?.fields?.title ?? first?.item ?? 'nothing'));
          }
          last = ranking;
          setShown({ ranking, moves, changed: Date.now(), changes });
          handler.current?.(ranking);
        },
      },
      stop.signal,
    );
    return () => stop.abort();
  }, [user, n]);

  return (
    <>
      <p class="list-state">
        <span class={`dot ${state}`} aria-hidden="true" />
        {STATES[state]}
        {shown !== undefined && (
          <span class="quiet">
            {shown.changes === 0
              ? 'no change since you opened it'
              : `${count(shown.changes)} change${shown.changes === 1 ? '' : 's'}, last at ${time(shown.changed)}`}
          </span>
        )}
      </p>
      <ProblemNote problem={problem} />
      {shown !== undefined && (
        <>
          <RankedList ranking={shown.ranking} moves={shown.moves} {...(actions === undefined ? {} : { actions })} />
          <Origin ranking={shown.ranking} />
        </>
      )}
    </>
  );
}

/** Where a list comes from. */
export const Origin = ({ ranking: { source, seq, snapshot, arm, stored } }: { ranking: Ranking }) => (
  <p class="quiet origin">
    <span title="what most of the list comes from">from {source}</span>
    <span title="position in the log that the list was computed at">position {count(seq)}</span>
    <span title="snapshot of the model in force">snapshot {snapshot}</span>
    {arm !== undefined && <span title="arm of the running experiment, or main">arm {arm}</span>}
    {stored === true && <span class="tag">stored list: no engine answered</span>}
  </p>
);
