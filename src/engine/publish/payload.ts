/** How many items fit into a published list: nats-server refuses a message that is larger than its `max_payload`. */
import { MAX_ID_BYTES } from '../../bus/event/ids.ts';
import type { Config } from '../../config/schema.ts';
import { ConfigInvalidError } from '../../errors.ts';

/** An id as JSON: a quote or a backslash takes two bytes, and no other character takes more than its UTF-8. */
const ID_BYTES = 2 * MAX_ID_BYTES;
/** The longest text of a number, as -1.2345678901234567e-100. */
const NUMBER_BYTES = 24;
/** Most bytes of an item in a list. */
const ENTRY_BYTES = '{"item":"","score":,"propensity":,"explored":true},'.length + ID_BYTES + 2 * NUMBER_BYTES;
/** Most bytes of the rest of a published list: user, arm, positions, source, snapshot and configuration. */
const REST_BYTES = 2_048;

/** The longest list that fits into a message, with the longest ids. */
export const longestList = (maxPayload: number): number =>
  Math.max(0, Math.floor((maxPayload - REST_BYTES) / ENTRY_BYTES));

/**
 * Throws `ConfigInvalidError` for lists that the nats-server might not take.
 *
 * @param maxPayload `max_payload` of the nats-server, bytes
 */
export function assertListsFit(
  { list_length, similar_length }: Pick<Config['engine'], 'list_length' | 'similar_length'>,
  maxPayload: number,
): void {
  const longest = longestList(maxPayload);
  for (const [setting, length] of Object.entries({ list_length, similar_length }))
    if (length > longest)
      throw new ConfigInvalidError(
        `engine.${setting} is ${length}, and a list of more than ${longest} items may exceed the ${maxPayload} bytes that the nats-server takes per message (max_payload).`,
        {
          next: `set engine.${setting} to ${longest} or less, or raise max_payload of the nats-server`,
          details: { setting: `engine.${setting}`, value: length, largest: longest, max_payload: maxPayload },
        },
      );
}
