/** What a page tells whoever is in it; Node has none. */

/** The part of `window` that is used here. */
interface Page {
  document: { visibilityState: string } & Listening;
}
interface Listening {
  addEventListener(event: string, listen: () => void): void;
  removeEventListener(event: string, listen: () => void): void;
}

export interface PageEvents {
  /** It is left or put aside, which may be its last moment. */
  leave: () => void;
  /** There is a network again. */
  online: () => void;
}

/** Listens until the function that it gives is called. */
export function listenToPage({ leave, online }: PageEvents): () => void {
  const page = globalThis as unknown as Partial<Page & Listening>;
  const { document } = page;
  if (document === undefined || page.addEventListener === undefined) return () => {};
  const window = page as Listening;
  const hidden = (): void => {
    if (document.visibilityState === 'hidden') leave();
  };
  window.addEventListener('pagehide', leave);
  window.addEventListener('online', online);
  document.addEventListener('visibilitychange', hidden);
  return () => {
    window.removeEventListener('pagehide', leave);
    window.removeEventListener('online', online);
    document.removeEventListener('visibilitychange', hidden);
  };
}
