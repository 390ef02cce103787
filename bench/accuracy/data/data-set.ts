/** A data set for the harness: users and items by number, and every event both as a message and as an interaction. */
import type { EventCodec, StoredMessage } from '../../../src/bus/event/codec.ts';
import { streamSeq } from '../../../src/bus/event/ids.ts';
import type { CloudEvent, ItemData } from '../../../src/bus/event/types.ts';

/** A user took an item; users and items by number. */
export interface Interaction {
  user: number;
  item: number;
  /** Event time, milliseconds since 1970. */
  time: number;
}

/** One event of the stream. */
export interface Entry {
  /** The message that the log would hold. */
  message: StoredMessage;
  /** Undefined for an event about the catalogue or about a user alone. */
  interaction: Interaction | undefined;
}

export interface DataSet {
  name: string;
  users: readonly string[];
  items: readonly string[];
  /** In the order of the stream. */
  entries: readonly Entry[];
  /** Published fields of each item. */
  fields: readonly (ItemData | undefined)[];
  /** Whether there is a catalogue; without one, the engine must serve unpublished items. */
  catalogued: boolean;
  /** Items at the end of each history that the last-out protocol does not learn, by the custom for this data. */
  held: 1 | 2;
}

export interface DataSetBuilder {
  add(event: CloudEvent): void;
  /** Events added so far. */
  count(): number;
  build(about: Pick<DataSet, 'name' | 'held'>): DataSet;
}

/** Turns events into messages of the log with the codec of every publisher. Throws for an event that the codec rejects. */
export function createDataSetBuilder(codec: EventCodec): DataSetBuilder {
  const users = createNumbering();
  const items = createNumbering();
  const entries: Entry[] = [];
  const fields: (ItemData | undefined)[] = [];
  let catalogued = false;
  let clock = 0;
  return {
    add: (event) => {
      const outcome = codec.prepare(event);
      if (!outcome.ok) throw new Error(`${event.type} of ${event.subject}: ${outcome.problem.message}`);
      const time = event.time === undefined ? clock : Date.parse(event.time);
      clock = Math.max(clock, time);
      const message: StoredMessage = {
        seq: streamSeq(entries.length + 1),
        subject: outcome.prepared.subject,
        payload: outcome.prepared.payload,
        timestamp: clock,
      };
      let interaction: Interaction | undefined;
      if (event.type === 'content.published.v1') {
        catalogued = true;
        fields[items.of(event.subject)] = event.data;
      } else if (event.type.startsWith('user.') && 'item' in event.data) {
        interaction = { user: users.of(event.subject), item: items.of(event.data.item), time };
      }
      entries.push({ message, interaction });
    },
    count: () => entries.length,
    build: (about) => ({
      ...about,
      users: users.ids,
      items: items.ids,
      entries,
      fields: items.ids.map((_, item) => fields[item]),
      catalogued,
    }),
  };
}

function createNumbering() {
  const ids: string[] = [];
  const numbers = new Map<string, number>();
  return {
    ids,
    of: (id: string): number => {
      let number = numbers.get(id);
      if (number === undefined) {
        number = ids.length;
        ids.push(id);
        numbers.set(id, number);
      }
      return number;
    },
  };
}
