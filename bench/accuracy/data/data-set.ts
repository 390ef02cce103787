/** A data set as the harness knows it: users and items by number, and every event both as a message and as a fact. */
import type { EventCodec, StoredMessage } from '../../../src/bus/event/codec.ts';
import { streamSeq } from '../../../src/bus/event/ids.ts';
import type { CloudEvent, ItemData } from '../../../src/bus/event/types.ts';

/** Who took what; users and items by number. */
export interface Interaction {
  user: number;
  item: number;
  /** Event time, milliseconds since 1970. */
  time: number;
}

/** One event of the stream. */
export interface Entry {
  /** As the log would hold it. */
  message: StoredMessage;
  /** Of an event about the catalogue or about a user alone: none. */
  interaction: Interaction | undefined;
}

export interface DataSet {
  name: string;
  users: readonly string[];
  items: readonly string[];
  /** In the order of the stream. */
  entries: readonly Entry[];
  /** What was published of each item. */
  fields: readonly (ItemData | undefined)[];
  /** Whether there is a catalogue; without one, items that nobody published have to be served. */
  catalogued: boolean;
  /** Items at the end of each history that the statistics of the last-out protocol do without, by this data's custom. */
  held: 1 | 2;
}

export interface DataSetBuilder {
  add(event: CloudEvent): void;
  /** Events added so far. */
  count(): number;
  build(about: Pick<DataSet, 'name' | 'held'>): DataSet;
}

/** Puts events into the log's form by the codec that every publisher goes through. Throws for one that it refuses. */
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
