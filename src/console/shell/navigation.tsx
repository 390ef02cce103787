/** Links to the pages that the caller may use. */
import { useEffect, useRef } from 'preact/hooks';
import { caller, may } from '../api/caller.ts';
import { PAGES } from './pages.ts';
import { hrefOf, place } from './router.ts';

const GROUPS = ['People', 'Catalogue', 'System'] as const;

export function Navigation() {
  const bar = useRef<HTMLElement>(null);
  const { page } = place.value;
  const known = caller.value !== undefined;
  // In a narrow window the links are one line, which scrolls.
  useEffect(() => {
    bar.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [page, known]);
  if (!known) return <nav class="side" aria-label="Pages" />;
  return (
    <nav class="side" aria-label="Pages" ref={bar}>
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
