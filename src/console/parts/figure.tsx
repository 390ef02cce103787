/** A number with its name, its unit and a line on what it is. */
import type { ComponentChildren } from 'preact';

interface FigureProps {
  name: string;
  /** What it is, in one line. */
  about: string;
  children: ComponentChildren;
  state?: 'good' | 'bad' | 'warn' | undefined;
}

export const Figure = ({ name, about, children, state }: FigureProps) => (
  <div class={`figure ${state ?? ''}`}>
    <dt>{name}</dt>
    <dd>
      <span class="figure-value">{children}</span>
      <span class="figure-about">{about}</span>
    </dd>
  </div>
);

export const Figures = ({ children }: { children: ComponentChildren }) => <dl class="figures">{children}</dl>;
