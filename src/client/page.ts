/** Events of the page that the client runs in. Node has no page. */

/** The part of `window` that this module uses. */
interface Page {
  document: { visibilityState: string } & Listening;
}
interface Listening {
  addEventListener(event: string, listen: () => void): void;
  removeEventListener(event: string, listen: () => void): void;
}

export interface PageEvents {
  /** The user leaves or hides the page. It may be the last moment of the page. */
  leave: () => void;
  /** The network is back. */
  online: () => void;
}

/** Listens to the page. The returned function stops listening. */
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
