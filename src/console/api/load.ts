/** Reads an answer for a component, and again when its address changes. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { call } from './call.ts';
import { isAbort, type Problem, problemOf } from './problem.ts';

export interface Loaded<T> {
  /** The newest answer; it stays while the next one loads. */
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  reload(): void;
}

/**
 * @param path undefined: reads nothing
 * @param everyMs milliseconds between two reads, while the page is visible; 0: reads once
 */
export function useLoad<T>(path: string | undefined, everyMs = 0): Loaded<T> {
  const [state, setState] = useState<{ path: string | undefined; data?: T; problem?: Problem; loading: boolean }>({
    path,
    loading: path !== undefined,
  });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  const shown = useRef(path);

  useEffect(() => {
    if (path === undefined) {
      setState({ path, loading: false });
      return;
    }
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const same = shown.current === path;
    shown.current = path;
    setState((old) => ({ path, ...(same && old.data !== undefined ? { data: old.data } : {}), loading: true }));
    const read = async (): Promise<void> => {
      try {
        if (!document.hidden) {
          const data = await call<T>(path, { signal: stop.signal });
          setState({ path, data, loading: false });
        }
      } catch (err) {
        if (stop.signal.aborted || isAbort(err)) return;
        setState((old) => ({ ...old, path, problem: problemOf(err), loading: false }));
      }
      if (everyMs > 0 && !stop.signal.aborted) timer = setTimeout(() => void read(), everyMs);
    };
    void read();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, round]);

  const current = state.path === path;
  return {
    data: current ? state.data : undefined,
    problem: current ? state.problem : undefined,
    loading: current ? state.loading : path !== undefined,
    reload,
  };
}
