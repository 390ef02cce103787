/** Light or dark: as the system says, unless the reader has chosen. */
import { effect, signal } from '@preact/signals';
import { isDark, systemDark } from '../parts/dark.ts';

export type Theme = 'system' | 'light' | 'dark';
const THEME = 'freshet-console-theme';
const isTheme = (text: string | null): text is Theme => text === 'light' || text === 'dark' || text === 'system';

const stored = localStorage.getItem(THEME);
export const theme = signal<Theme>(isTheme(stored) ? stored : 'system');

export function followTheme(): void {
  const show = (): void => {
    isDark.value = theme.value === 'dark' || (theme.value === 'system' && systemDark.matches);
  };
  systemDark.addEventListener('change', show);
  effect(() => {
    if (theme.value === 'system') {
      document.documentElement.removeAttribute('data-theme');
      localStorage.removeItem(THEME);
    } else {
      document.documentElement.setAttribute('data-theme', theme.value);
      localStorage.setItem(THEME, theme.value);
    }
    show();
  });
}
