/** Lets rows glide from their old places to the new ones (FLIP), unless the reader prefers less motion. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

const GLIDE_MS = 450;

/** @param key changes whenever the rows may have moved. Rows are the children with `data-item`. */
export function useGlide(list: RefObject<HTMLElement | null>, key: unknown): void {
  const places = useRef(new Map<string, number>());
  useLayoutEffect(() => {
    const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const now = new Map<string, number>();
    const base = list.current?.getBoundingClientRect().top ?? 0;
    for (const row of list.current?.querySelectorAll<HTMLElement>('[data-item]') ?? []) {
      const item = row.dataset.item ?? '';
      const top = row.getBoundingClientRect().top - base;
      now.set(item, top);
      const before = places.current.get(item);
      if (still || places.current.size === 0 || before === top) continue;
      row.animate(
        before === undefined
          ? [{ opacity: 0 }, { opacity: 1 }]
          : [{ transform: `translateY(${before - top}px)` }, { transform: 'none' }],
        { duration: GLIDE_MS, easing: 'ease-out' },
      );
    }
    places.current = now;
  }, [key]);
}
