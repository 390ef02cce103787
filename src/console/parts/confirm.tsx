/** Says what an action will do, and does it only after the reader has agreed. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../api/problem.ts';
import { announce } from '../shell/announce.tsx';
import { ProblemNote } from './problem.tsx';

interface ConfirmProps {
  /** Text of the button that asks. */
  label: string;
  title: string;
  /** What will happen. */
  children: ComponentChildren;
  /** Does it. The dialog shows what it throws. */
  onConfirm: () => Promise<void>;
  /** Said to readers of a screen afterwards. */
  done: string;
  danger?: boolean;
  small?: boolean;
  disabled?: boolean;
}

export function Confirm({ label, title, children, onConfirm, done, danger, small, disabled }: ConfirmProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const dialog = useRef<HTMLDialogElement>(null);

  useEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);

  async function confirm(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      await onConfirm();
      announce(done);
      dialog.current?.close();
    } catch (err) {
      setProblem(problemOf(err));
    }
    setBusy(false);
  }

  return (
    <>
      <button
        type="button"
        class={`${danger === true ? 'danger' : ''} ${small === true ? 'small' : ''}`}
        disabled={disabled}
        onClick={() => {
          setProblem(undefined);
          setOpen(true);
        }}
      >
        {label}
      </button>
      {open && (
        <dialog ref={dialog} aria-label={title} onClose={() => setOpen(false)}>
          <form onSubmit={confirm}>
            <h2>{title}</h2>
            {children}
            <ProblemNote problem={problem} />
            <div class="dialog-end">
              <button type="button" onClick={() => dialog.current?.close()}>
                Cancel
              </button>
              <button type="submit" class={danger === true ? 'danger' : 'main'} disabled={busy}>
                {label}
              </button>
            </div>
          </form>
        </dialog>
      )}
    </>
  );
}
