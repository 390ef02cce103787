/** The first page: whether the system serves, and the ways in. */
import { may } from '../api/caller.ts';
import { useLoad } from '../api/load.ts';
import { ItemSearch } from '../parts/item-search.tsx';
import { UserPicker } from '../parts/user-picker.tsx';
import { hrefOf } from '../shell/router.ts';

/** Milliseconds between two looks at the readiness. */
const LOOK_MS = 10_000;

interface Ready {
  ready: boolean;
  waiting: { service: string; state: string }[];
}

export function HomePage() {
  return (
    <>
      <h1 tabIndex={-1}>What people get, and why</h1>
      <Health />
      {may('recommend') ? (
        <div class="columns even">
          <section class="card" aria-labelledby="user-title">
            <h2 id="user-title">A user’s list</h2>
            <p>See what a user gets, the reasons for each item, and how the list moves with each event.</p>
            <UserPicker />
          </section>
          <section class="card" aria-labelledby="item-title">
            <h2 id="item-title">An item</h2>
            <p>See an item, what is similar to it, and how people react to it.</p>
            <ItemSearch />
          </section>
          {may('events:user') && (
            <section class="card" aria-labelledby="play-title">
              <h2 id="play-title">Try it</h2>
              <p>Be a made-up user: take items, and watch the list and its reasons follow within a moment.</p>
              <a class="button" href={hrefOf('playground')}>
                Open the playground
              </a>
            </section>
          )}
        </div>
      ) : (
        <p class="empty">The key of this session may not read lists. Choose a page in the navigation.</p>
      )}
    </>
  );
}

function Health() {
  // The request fails while something is not ready, and names it.
  const { data, problem } = useLoad<Ready>('readyz', LOOK_MS);
  if (data === undefined && problem === undefined) return <p class="health">Looking at the services …</p>;
  const well = data !== undefined && problem === undefined;
  return (
    <p class={`health ${well ? 'good' : 'bad'}`}>
      <span class={`dot ${well ? 'live' : 'lost'}`} aria-hidden="true" />
      {well ? 'All services are ready.' : 'Not all services are ready.'}
      {may('admin') && <a href={hrefOf('overview')}>See the overview</a>}
    </p>
  );
}
