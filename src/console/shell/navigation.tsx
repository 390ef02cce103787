/** Links to the pages that the caller may use. */
import { caller, may } from '../api/caller.ts';
import { PAGES } from './pages.ts';
import { hrefOf, place } from './router.ts';

const GROUPS = ['People', 'Catalogue', 'System'] as const;

export function Navigation() {
  if (caller.value === undefined) return <nav class="side" aria-label="Pages" />;
  const { page } = place.value;
  return (
    <nav class="side" aria-label="Pages">
      {GROUPS.map((group) => {
        const pages = PAGES.filter((entry) => entry.group === group && may(...entry.needs));
        if (pages.length === 0) return null;
        return (
          <div key={group} class="side-group">
            <h2>{group}</h2>
            <ul>
              {pages.map(({ path, title }) => (
                <li key={path}>
                  <a href={hrefOf(path)} aria-current={path === page ? 'page' : undefined}>
                    {title}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}
