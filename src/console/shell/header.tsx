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
      <img src="icon.svg" width="22" height="22" alt="" />
      Freshet <span class="quiet">console</span>
    </a>
    <div class="top-end">
      <Who />
      <a href="../docs/" title="a page on which you can try every call">
        API
      </a>
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
