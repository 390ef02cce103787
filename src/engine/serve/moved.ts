/** What a batch of events changes: the users with another list now, and the items that may have other similar items. */
import { isInteraction, type LoggedEvent } from '../../bus/event/codec.ts';

export interface Moved {
  users: Set<string>;
  /** With the position of the first event that moved it. */
  items: Map<string, number>;
}

/**
 * @param resolve returns the user that owns an id
 * @param forgottenAt position of the erasure's record that forgets a user; 0: there is no such record
 */
export function movedBy(
  events: readonly LoggedEvent[],
  resolve: (id: string) => string,
  forgottenAt: (user: string) => number,
): Moved {
  const moved: Moved = { users: new Set(), items: new Map() };
  for (const event of events) {
    if (event.context === 'user' || event.type === 'feedback.dismissed.v1') {
      const user = resolve(event.subject);
      // What a user did before the erasure in the same batch must not bring their ranking back.
      if (event.seq > forgottenAt(user)) moved.users.add(user);
    }
    const item = isInteraction(event) ? event.data.item : event.context === 'content' ? event.subject : undefined;
    if (item !== undefined && !moved.items.has(item)) moved.items.set(item, event.seq);
  }
  return moved;
}
