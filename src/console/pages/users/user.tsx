/** What one user gets and why, live, beside what the user did. */
import { useEffect, useState } from 'preact/hooks';
import { inPath, queryOf } from '../../api/call.ts';
import { may } from '../../api/caller.ts';
import type { Ranking } from '../../api/ranking.ts';
import { useSettled } from '../../api/settled.ts';
import { Fold } from '../../parts/fold.tsx';
import { LiveList } from '../../parts/list/live-list.tsx';
import { rememberUser, UserPicker } from '../../parts/user-picker.tsx';
import { hrefOf } from '../../shell/router.ts';
import { Earlier } from './earlier.tsx';
import { History } from './history.tsx';
import { Profile } from './profile.tsx';
import { WhatIf } from './what-if.tsx';

export function UserPage({ id }: { id: string | undefined }) {
  if (id === undefined)
    return (
      <>
        <h1 tabIndex={-1}>A user’s list</h1>
        <p class="lead">What a user gets, why, and how it moves with each event.</p>
        <section class="card">
          <UserPicker />
        </section>
      </>
    );
  return <OneUser user={id} />;
}

/** Milliseconds without a change of the list before profile and history are read again. */
const STILL_MS = 300;

function OneUser({ user }: { user: string }) {
  const [ranking, setRanking] = useState<Ranking | undefined>();
  // While events come close together, the list has the browser and the gateway for itself.
  const seq = useSettled(ranking?.seq, STILL_MS);
  useEffect(() => rememberUser(user), [user]);
  const fresh = queryOf({ min_seq: seq });
  return (
    <>
      <h1 tabIndex={-1}>{user}</h1>
      <p class="lead">
        The list that this user gets now. It moves when the user, or others, act.
        {may('erase') && (
          <>
            {' '}
            <a href={hrefOf('erasures', undefined, { user })}>Export or forget this user</a>
          </>
        )}
      </p>
      <div class="columns">
        <section class="card" aria-labelledby="list-title">
          <h2 id="list-title">Recommended</h2>
          <LiveList user={user} onRanking={setRanking} />
        </section>
        <div class="column">
          <Profile path={`v1/users/${inPath(user)}${fresh}`} />
          <History user={user} seq={seq} />
          <section class="card" aria-labelledby="other-title">
            <h2 id="other-title">Another user</h2>
            <UserPicker current={user} />
          </section>
        </div>
      </div>
      {ranking !== undefined && (
        <Fold title="What if" about="the list as if the user had done something else">
          {() => <WhatIf user={user} current={ranking} />}
        </Fold>
      )}
      {ranking !== undefined && may('admin') && (
        <Fold title="Earlier lists" about="the list as of an earlier position of the log">
          {() => <Earlier user={user} current={ranking} />}
        </Fold>
      )}
    </>
  );
}
