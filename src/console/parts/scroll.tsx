/** A box that scrolls by itself, also with the keyboard, so that a wide table does not widen the page. */
import type { ComponentChildren } from 'preact';

interface ScrollProps {
  label: string;
  tall?: boolean;
  children: ComponentChildren;
}

export const Scroll = ({ label, tall = false, children }: ScrollProps) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a reader with a keyboard scrolls it
  <section class={tall ? 'scroll tall' : 'scroll'} aria-label={label} tabIndex={0}>
    {children}
  </section>
);
