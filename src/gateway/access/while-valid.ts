/** Ends what a caller holds open when its key or token ends. */
import type { Authenticator } from './authenticator.ts';
import type { Caller } from './caller.ts';
import type { KeyTable } from './table.ts';

/** The longest time of a Node timer, milliseconds; a longer one ends at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Calls `end` when the key or token of the caller expires or is revoked. It may call it several times. Returns a function
 * that stops that.
 */
export function whileValid(
  { authenticator, keys }: { authenticator: Pick<Authenticator, 'isValid'>; keys: Pick<KeyTable, 'onChange'> },
  caller: Caller,
  end: () => void,
): () => void {
  const unsubscribe = keys.onChange(() => {
    if (!authenticator.isValid(caller)) end();
  });
  let expiry: NodeJS.Timeout | undefined;
  // In steps: a key may last longer than a timer can wait.
  function endWithCaller(): void {
    if (caller.kind === 'anybody') return;
    const left = caller.expires - Date.now();
    if (left <= 0) end();
    else expiry = setTimeout(endWithCaller, Math.min(left, LONGEST_TIMER_MS));
  }
  endWithCaller();
  return () => {
    clearTimeout(expiry);
    unsubscribe();
  };
}
