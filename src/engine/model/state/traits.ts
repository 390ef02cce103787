/** What the service knows of a user beside the user's events. */
import type { AttributeValue } from '../../../bus/event/types.ts';

export type Traits = Readonly<Record<string, AttributeValue>>;
