/** A part of a page that opens on demand, and does nothing before. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

interface FoldProps {
  title: string;
  about: string;
  children: () => ComponentChildren;
}

export function Fold({ title, about, children }: FoldProps) {
  const [open, setOpen] = useState(false);
  return (
    <details class="card fold" open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        <strong>{title}</strong> <span class="quiet">{about}</span>
      </summary>
      {open && <div class="fold-body">{children()}</div>}
    </details>
  );
}
