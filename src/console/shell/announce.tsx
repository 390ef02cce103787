/** Says to readers of a screen what has changed. */
import { signal } from '@preact/signals';

const said = signal('');

export function announce(text: string): void {
  // The same text twice in a row would not be read again.
  said.value = said.peek() === text ? `${text}\u00a0` : text;
}

export const Announcements = () => (
  <div class="hidden-visually" role="status" aria-live="polite">
    {said}
  </div>
);
