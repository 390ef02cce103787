/** The bar at the top: name, who the caller is, light or dark. */

import { hrefOf } from './router.ts';
import { type Theme, theme } from './theme.ts';
import { Who } from './who.tsx';

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
