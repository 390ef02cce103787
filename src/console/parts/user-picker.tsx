/** Takes the id of a user, and offers the last ones and those of the demo. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { queryOf } from '../api/call.ts';
import { caller, may } from '../api/caller.ts';
import { useLoad } from '../api/load.ts';
import { go, hrefOf } from '../shell/router.ts';

const RECENT = 'freshet-console-users';
/** Ids to remember, in this tab only: they are personal. */
const KEPT = 8;

const stored = (): string[] => {
  try {
    const list: unknown = JSON.parse(sessionStorage.getItem(RECENT) ?? '[]');
    return Array.isArray(list) ? list.filter((one): one is string => typeof one === 'string') : [];
  } catch {
    return [];
  }
};

const recent = signal(stored());

export function rememberUser(user: string): void {
  if (recent.peek()[0] === user) return;
  recent.value = [user, ...recent.peek().filter((one) => one !== user)].slice(0, KEPT);
  sessionStorage.setItem(RECENT, JSON.stringify(recent.value));
}

export function forgetUser(user: string): void {
  recent.value = recent.peek().filter((one) => one !== user);
  sessionStorage.setItem(RECENT, JSON.stringify(recent.value));
}

/** Users to offer while the reader types. */
const MATCHES = 8;

/** A book of the demo: where it is, the demo's readers are too. */
const BOOK = 'shelley-frankenstein';
const READERS = ['reader-1', 'reader-2', 'reader-3', 'reader-4', 'reader-5'];

export function UserPicker({ current }: { current?: string | undefined }) {
  const [user, setUser] = useState('');
  const only = caller.value?.user;
  const demo = useLoad<{ items: object[] }>(only === undefined ? `v1/items${queryOf({ ids: [BOOK] })}` : undefined);
  const examples = (demo.data?.items.length ?? 0) > 0 ? READERS : [];
  const others = recent.value.filter((one) => one !== current);
  const typed = user.trim();
  const matches = useLoad<{ users: { user: string }[]; more: boolean }>(
    typed !== '' && may('admin') ? `v1/users${queryOf({ q: typed, n: MATCHES })}` : undefined,
  );
  if (only !== undefined)
    return (
      <p>
        The token of this session is for one user: <a href={hrefOf('users', only)}>{only}</a>
      </p>
    );
  return (
    <form
      class="picker"
      onSubmit={(event) => {
        event.preventDefault();
        if (user.trim() !== '') go(hrefOf('users', user.trim()));
      }}
    >
      <label>
        Id of a user
        <span class="field">
          <input
            type="text"
            value={user}
            placeholder={current ?? 'u42'}
            autocomplete="off"
            spellcheck={false}
            onInput={({ currentTarget }) => setUser(currentTarget.value)}
          />
          <button type="submit" class="main" disabled={user.trim() === ''}>
            Show the list
          </button>
        </span>
      </label>
      {matches.data !== undefined && (
        <>
          <Chips name="Ids that begin so" users={matches.data.users.map((one) => one.user)} />
          {matches.data.users.length === 0 && <p class="quiet">No user has an id that begins so.</p>}
          {matches.data.more && <p class="quiet">There are more; type on.</p>}
        </>
      )}
      <Chips name="Recent" users={others} />
      <Chips name="Readers of the demo" users={examples.filter((one) => one !== current && !others.includes(one))} />
    </form>
  );
}

const Chips = ({ name, users }: { name: string; users: readonly string[] }) =>
  users.length === 0 ? null : (
    <p class="chips">
      <span class="quiet">{name}:</span>
      {users.map((user) => (
        <a key={user} class="chip" href={hrefOf('users', user)}>
          {user}
        </a>
      ))}
    </p>
  );
