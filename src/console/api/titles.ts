/** Titles of items, which histories and events do not hold. */
import { signal } from '@preact/signals';
import { call, queryOf } from './call.ts';

/** By item; an empty text for an item without a title. */
export const titles = signal<ReadonlyMap<string, string>>(new Map());

const waiting = new Set<string>();
const asked = new Set<string>();
let due = false;
/** Items in one request, so that its address stays within 16 KiB. */
const AT_ONCE = 50;
/** Milliseconds to wait for further items. */
const WAIT_MS = 20;

/** The title of an item, or its id until the title is known. */
export function titleOf(item: string): string {
  const known = titles.value.get(item);
  if (known === undefined && !asked.has(item)) {
    waiting.add(item);
    readSoon();
  }
  return known || item;
}

export function learnTitle(item: string, title: string | undefined): void {
  if (title === undefined || titles.peek().get(item) === title) return;
  titles.value = new Map(titles.peek()).set(item, title);
}

function readSoon(): void {
  if (due) return;
  due = true;
  setTimeout(() => void read(), WAIT_MS);
}

async function read(): Promise<void> {
  due = false;
  const items = [...waiting].slice(0, AT_ONCE);
  for (const item of items) {
    waiting.delete(item);
    asked.add(item);
  }
  if (waiting.size > 0) readSoon();
  try {
    const page = await call<{ items: { item: string; title?: string }[] }>(`v1/items${queryOf({ ids: items })}`);
    const more = new Map(titles.peek());
    for (const item of items) more.set(item, '');
    for (const { item, title } of page.items) more.set(item, title ?? '');
    titles.value = more;
  } catch {
    // Without titles the page shows ids. A later look asks again.
    for (const item of items) asked.delete(item);
  }
}
