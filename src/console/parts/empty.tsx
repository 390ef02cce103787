import type { ComponentChildren } from 'preact';

/** Says that there is nothing, and what would change that. */
export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;
