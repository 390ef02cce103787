/** A box that scrolls by itself, also with the keyboard, so that a wide table does not widen the page. */
import type { ComponentChildren } from 'preact';

export const Scroll = ({ label, children }: { label: string; children: ComponentChildren }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a reader with a keyboard scrolls it
  <section class="scroll" aria-label={label} tabIndex={0}>
    {children}
  </section>
);
