/** The page in the address, after the `#`: the console needs no routes of the server, and no id reaches its log. */
import { signal } from '@preact/signals';

export interface Place {
  /** First part of the path; empty for the first page. */
  page: string;
  /** The rest of the path, decoded. */
  id: string | undefined;
  query: URLSearchParams;
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...rest] = path.split('/');
  let id: string | undefined;
  try {
    id = rest.length === 0 || rest[0] === '' ? undefined : decodeURIComponent(rest.join('/'));
  } catch {
    // A hand-made address that no id encodes to.
    id = rest.join('/');
  }
  return { page, id, query: new URLSearchParams(query) };
}

export const place = signal<Place>(read());
addEventListener('hashchange', () => {
  place.value = read();
});

/** The address of a page, for links. */
export function hrefOf(page: string, id?: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => !!entry[1]);
  const text = new URLSearchParams(given).toString();
  return `#/${page}${id === undefined ? '' : `/${encodeURIComponent(id)}`}${text === '' ? '' : `?${text}`}`;
}

export function go(href: string): void {
  location.hash = href.slice(1);
}
