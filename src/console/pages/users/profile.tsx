/** Traits and counts of a user. */
import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/call.ts';
import { isAbort, type Problem, problemOf } from '../../api/problem.ts';
import { Empty } from '../../parts/empty.tsx';
import { ago, count, time } from '../../parts/format.ts';
import { ProblemNote } from '../../parts/problem.tsx';

interface User {
  user: string;
  registered: string | null;
  traits: Record<string, string | number | boolean | string[]>;
  events: number;
  last_seen: string | null;
  sessions: string[];
}

export function Profile({ path }: { path: string }) {
  const [user, setUser] = useState<User | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  useEffect(() => {
    const stop = new AbortController();
    call<User>(path, { signal: stop.signal }).then(
      (answer) => {
        setUser(answer);
        setProblem(undefined);
      },
      (err) => {
        if (!isAbort(err)) setProblem(problemOf(err));
      },
    );
    return () => stop.abort();
  }, [path]);
  return (
    <section class="card" aria-labelledby="profile-title">
      <h2 id="profile-title">Profile</h2>
      {problem?.status === 404 ? (
        <Empty>This user has not acted yet. The list is what any newcomer gets.</Empty>
      ) : (
        <ProblemNote problem={problem} />
      )}
      {user !== undefined && problem === undefined && (
        <dl class="facts">
          {Object.entries(user.traits).map(([name, value]) => (
            <Fact key={name} name={name} title="a trait, as its event gave it">
              {[value].flat().join(', ')}
            </Fact>
          ))}
          <Fact name="events" title="interactions in the history">
            {count(user.events)}
          </Fact>
          <Fact name="last seen" title={time(user.last_seen)}>
            {user.last_seen === null ? '–' : ago(user.last_seen)}
          </Fact>
          <Fact name="registered" title={time(user.registered)}>
            {user.registered === null ? 'acted without registering' : ago(user.registered)}
          </Fact>
          {user.sessions.length > 0 && (
            <Fact name="sessions" title="anonymous ids that became this user">
              {count(user.sessions.length)}
            </Fact>
          )}
        </dl>
      )}
    </section>
  );
}

const Fact = ({ name, title, children }: { name: string; title: string; children: preact.ComponentChildren }) => (
  <div title={title}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
