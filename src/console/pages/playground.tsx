/** A made-up user: take items, and watch the list follow. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { newId } from '../../client/id.ts';
import { queryOf } from '../api/call.ts';
import { caller } from '../api/caller.ts';
import { useLoad } from '../api/load.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { publish } from '../api/publish.ts';
import { LIST_FIELDS, type Ranking } from '../api/ranking.ts';
import { titleOf } from '../api/titles.ts';
import { ItemLink } from '../parts/ids.tsx';
import { ItemSearch } from '../parts/item-search.tsx';
import { LiveList } from '../parts/list/live-list.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { announce } from '../shell/announce.tsx';
import { hrefOf } from '../shell/router.ts';

/** Types of events that need nothing but an item. */
const ACTS = [
  ['user.viewed.v1', 'View'],
  ['user.added.v1', 'Add to the basket'],
  ['user.purchased.v1', 'Purchase'],
  ['user.played.v1', 'Play'],
] as const;

interface Taken {
  item: string;
  type: string;
  seq: number;
}

const newUser = (): string => `playground-${newId().slice(0, 8)}`;
/** Stays while the reader looks at other pages. */
const user = signal(newUser());
const taken = signal<readonly Taken[]>([]);

export function PlaygroundPage() {
  const [type, setType] = useState<string>(ACTS[0][0]);
  const [problem, setProblem] = useState<Problem | undefined>();
  // A token is for one user, who is not made up.
  const who = caller.value?.user ?? user.value;
  const trending = useLoad<Ranking>(`v1/trending${queryOf({ n: 8, fields: LIST_FIELDS })}`);

  async function take(item: string): Promise<void> {
    try {
      const seq = await publish(type, who, { item });
      taken.value = [{ item, type, seq }, ...taken.value];
      setProblem(undefined);
      announce(`Published: ${nameOf(type)} ${titleOf(item)}.`);
    } catch (err) {
      setProblem(problemOf(err));
    }
  }
  const button = ({ item }: { item: string }) => (
    <button type="button" class="small" aria-label={`${nameOf(type)} ${titleOf(item)}`} onClick={() => void take(item)}>
      {nameOf(type)}
    </button>
  );

  return (
    <>
      <h1 tabIndex={-1}>Playground</h1>
      <p class="lead">
        You are <a href={hrefOf('users', who)}>{who}</a>
        {caller.value?.user === undefined ? ', a made-up user' : ''}. Each act below is an event in the log, and the
        list follows it.
      </p>
      <div class="bar">
        <label class="inline">
          What you do with an item
          <select value={type} onChange={({ currentTarget }) => setType(currentTarget.value)}>
            {ACTS.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        {caller.value?.user === undefined && (
          <button
            type="button"
            onClick={() => {
              user.value = newUser();
              taken.value = [];
              announce('You are a new made-up user.');
            }}
          >
            Start again as a new user
          </button>
        )}
      </div>
      <ProblemNote problem={problem} />
      <div class="columns">
        <section class="card" aria-labelledby="list-title">
          <h2 id="list-title">Your list</h2>
          <LiveList key={who} user={who} actions={button} />
        </section>
        <div class="column">
          <section class="card" aria-labelledby="search-title">
            <h2 id="search-title">Find items</h2>
            <ItemSearch actions={button} />
          </section>
          <section class="card" aria-labelledby="trending-title">
            <h2 id="trending-title">Trending</h2>
            <ProblemNote problem={trending.problem} />
            <ul class="found">
              {trending.data?.items.map((one) => (
                <li key={one.item}>
                  <span class="found-title">
                    <ItemLink item={one.item} title={one.fields?.title} />
                    <span class="quiet">{(one.fields?.tags ?? []).slice(0, 3).join(' · ') || one.item}</span>
                  </span>
                  {button(one)}
                </li>
              ))}
            </ul>
          </section>
          <section class="card" aria-labelledby="taken-title">
            <h2 id="taken-title">What you did</h2>
            {taken.value.length === 0 ? (
              <p class="empty">Nothing yet. Take an item.</p>
            ) : (
              <ul class="found">
                {taken.value.map(({ item, type: did, seq }) => (
                  <li key={seq}>
                    <span class="found-title">
                      <span>
                        {nameOf(did)}: <ItemLink item={item} />
                      </span>
                    </span>
                    <span class="quiet" title="position of the event in the log">
                      {seq}
                    </span>
                  </li>
                ))}
              </ul>
            )}
          </section>
        </div>
      </div>
    </>
  );
}

const nameOf = (type: string): string => ACTS.find(([value]) => value === type)?.[1] ?? type;
