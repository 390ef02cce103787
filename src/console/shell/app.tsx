/** The frame of all pages. */
import { useEffect, useRef } from 'preact/hooks';
import { keyWanted, secret } from '../api/call.ts';
import { caller, callerProblem, may } from '../api/caller.ts';
import { Empty } from '../parts/empty.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Announcements } from './announce.tsx';
import { Header } from './header.tsx';
import { KeyForm } from './key-form.tsx';
import { Navigation } from './navigation.tsx';
import { PAGES, type PageEntry } from './pages.ts';
import { place } from './router.ts';

export function App() {
  const { page, id } = place.value;
  const entry = PAGES.find(({ path }) => path === page);
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);

  useEffect(() => {
    document.title = `${id ?? entry?.title ?? 'Not found'} · Freshet console`;
    // The browser has focused the page when it loads; after that, a reader of a screen hears the new heading.
    if (first.current) first.current = false;
    else {
      scrollTo(0, 0);
      main.current?.querySelector('h1')?.focus();
    }
  }, [page, id, entry]);

  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: a link to a place in the page, which the address must not name */}
      <a class="skip" href="#main" onClick={toMain}>
        Skip to the content
      </a>
      <Header />
      <div class="frame">
        <Navigation />
        <main id="main" tabIndex={-1} ref={main}>
          <Content entry={entry} id={id} />
        </main>
      </div>
      <Announcements />
    </>
  );
}

/** The address after # names the page, so the link moves the focus itself. */
function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Content({ entry, id }: { entry: PageEntry | undefined; id: string | undefined }) {
  if (keyWanted.value !== undefined) return <KeyForm problem={keyWanted.value} />;
  if (callerProblem.value !== undefined)
    return (
      <>
        <h1 tabIndex={-1}>Freshet</h1>
        <ProblemNote problem={callerProblem.value} />
      </>
    );
  if (caller.value === undefined) return <p class="quiet">Connecting …</p>;
  if (entry === undefined)
    return (
      <>
        <h1 tabIndex={-1}>Not found</h1>
        <Empty>The console has no such page. Choose one in the navigation.</Empty>
      </>
    );
  if (!may(...entry.needs))
    return (
      <>
        <h1 tabIndex={-1}>{entry.title}</h1>
        <Empty>
          The key of this session lacks the scope {entry.needs.filter((scope) => !may(scope)).join(', ')}. Use a key
          that has it: <code>npx freshet keys create NAME --scope {entry.needs[0]}</code>
        </Empty>
      </>
    );
  const { show: Page } = entry;
  // Another key may see more or less: the page reads everything again.
  return <Page key={`${entry.path}/${id ?? ''}/${secret.value ?? ''}`} id={id} />;
}
