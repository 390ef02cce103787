/** Asks for a key, and says what it is for. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { secret } from '../api/call.ts';
import { caller, changeKey } from '../api/caller.ts';
import type { Problem } from '../api/problem.ts';
import { announce } from './announce.tsx';

export function KeyForm({ problem }: { problem: Problem }) {
  const [key, setKey] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // The page asks for nothing else.
  useEffect(() => field.current?.focus(), []);

  async function use(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    await changeKey(key.trim());
    setBusy(false);
    announce(caller.value === undefined ? 'The gateway refused the key.' : 'The gateway accepted the key.');
  }

  return (
    <>
      <h1 tabIndex={-1}>Enter a key</h1>
      <form class="card narrow" onSubmit={use}>
        <p>
          This gateway requires an API key. The console keeps it in this tab alone, and forgets it when you close the
          tab.
        </p>
        {secret.value !== undefined && (
          <p class="note bad" role="alert">
            {problem.detail}
          </p>
        )}
        <label>
          API key
          <input
            ref={field}
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        <button type="submit" class="main" disabled={busy || key.trim() === ''}>
          Use this key
        </button>
        <p class="quiet">
          To make one: <code>npx freshet keys create console --scope admin</code>. A key with fewer scopes sees fewer
          pages.
        </p>
      </form>
    </>
  );
}
