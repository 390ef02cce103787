/**
 * Recorded inputs that were trained on messages which the log has lost since. The engine removes them, and trains again by
 * its schedule once it is rebuilt: until then it has no state without these messages to train on.
 */
import { type AcceptedLoss, mayHold } from '../../bus/log/losses.ts';
import type { InputObjects } from './objects.ts';
import type { InputMention, InputRecords, InputSource } from './records.ts';

/** Whether an input was trained on lost messages. A pinned ranker is computed again by the rebuild instead. */
export const isLost = (losses: readonly AcceptedLoss[], { kind, trained_at }: InputMention): boolean =>
  kind !== 'ranker' && losses.some((loss) => mayHold(loss, trained_at));

/** Removes them from the engine's file, and their copies. Returns the number of removed records. */
export async function removeLost(
  losses: readonly AcceptedLoss[],
  records: Pick<InputRecords, 'list' | 'remove'>,
  objects: Pick<InputObjects, 'removeLost'>,
): Promise<number> {
  if (losses.length === 0) return 0;
  const gone = records.list().filter((mention) => isLost(losses, mention));
  for (const mention of gone) records.remove(mention);
  await objects.removeLost((mention) => isLost(losses, mention));
  return gone.length;
}

/** A source without them, such as the file of an engine that has not been rebuilt yet. */
export const withoutLost = (source: InputSource, losses: readonly AcceptedLoss[]): InputSource => ({
  between: (after, to) => source.between(after, to).filter((input) => !isLost(losses, input)),
});
