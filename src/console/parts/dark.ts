/** Whether a page is dark, for drawings that take their colours once. */
import { signal } from '@preact/signals';

export const systemDark = matchMedia('(prefers-color-scheme: dark)');

/** Changes with what is shown. */
export const isDark = signal(systemDark.matches);

/** Follows the choice of the system. */
export const followSystem = (): void =>
  systemDark.addEventListener('change', () => {
    isDark.value = systemDark.matches;
  });
