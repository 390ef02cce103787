/** The bar at the top: name, who the caller is, light or dark. */

import { secret } from '../api/call.ts';
import { caller, changeKey } from '../api/caller.ts';
import { go, hrefOf } from './router.ts';
import { type Theme, theme } from './theme.ts';

const THEMES: readonly (readonly [Theme, string])[] = [
  ['system', 'Like the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];

export const Header = () => (
  <header class="top">
    <a class="brand" href={hrefOf('')}>
      <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
        <rect width="32" height="32" rx="6" class="brand-back" />
        <path d="M5 13q5.5-5 11 0t11 0M5 20q5.5-5 11 0t11 0" class="brand-wave" />
      </svg>
      Freshet <span class="quiet">console</span>
    </a>
    <div class="top-end">
      <Who />
      <label class="inline">
        <span class="hidden-visually">Colours</span>
        <select
          value={theme.value}
          onChange={({ currentTarget }) => {
            theme.value = currentTarget.value as Theme;
          }}
        >
          {THEMES.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </div>
  </header>
);

function Who() {
  const { value } = caller;
  if (value === undefined) return null;
  if (value.kind === 'anybody')
    return (
      <span class="who quiet" title="The gateway requires no keys yet: it listens on this machine alone.">
        no key needed
      </span>
    );
  return (
    <span class="who">
      <span class="quiet" title={`Scopes of the ${value.kind}: ${value.scopes.join(', ')}`}>
        {value.name ?? value.user}: {value.scopes.join(', ')}
      </span>
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
    </span>
  );
}
