/** Who the gateway takes the session for, and which pages its scopes open. */

import { secret } from '../api/call.ts';
import { caller, changeKey, may } from '../api/caller.ts';
import { time } from '../parts/format.ts';
import { PAGES } from './pages.ts';
import { go, hrefOf } from './router.ts';

export function Who() {
  const { value } = caller;
  if (value === undefined) return null;
  if (value.kind === 'anybody')
    return (
      <span class="quiet" title="The operator has made no key yet, or has turned keys off.">
        no key needed
      </span>
    );
  const open = PAGES.filter(({ needs }) => may(...needs));
  const closed = PAGES.filter(({ needs }) => !may(...needs));
  return (
    <details class="who">
      <summary>{value.name ?? value.user}</summary>
      <div class="card who-card">
        <p>
          This {value.kind} has the scope{value.scopes.length === 1 ? '' : 's'}{' '}
          <strong>{value.scopes.join(', ')}</strong>
          {value.expires !== null && `, until ${time(value.expires)}`}.
        </p>
        <p>It opens: {open.map(({ title }) => title).join(', ')}.</p>
        {closed.length > 0 && (
          <>
            <p>Other pages need more:</p>
            <ul>
              {closed.map(({ path, title, needs }) => (
                <li key={path}>
                  {title}: {needs.filter((scope) => !may(scope)).join(', ')}
                </li>
              ))}
            </ul>
          </>
        )}
        {secret.value !== undefined && (
          <button
            type="button"
            class="small"
            onClick={() => {
              go(hrefOf(''));
              void changeKey(undefined);
            }}
          >
            Forget key
          </button>
        )}
      </div>
    </details>
  );
}
