/** The events of the demo as CloudEvents, with ids in the order in which they are made. */
import type { CloudEvent } from '../bus/event/types.ts';
import type { Book } from './catalogue.ts';
import { createTimestamps } from './clock.ts';

/** Source of all events of the demo. */
export const DEMO_SOURCE = 'freshet-demo';

export const readerId = (reader: number): string => `reader-${reader + 1}`;

export type InteractionOfDemo = 'user.viewed.v1' | 'user.added.v1' | 'user.purchased.v1' | 'user.rated.v1';

export interface DemoEvents {
  /** Times are milliseconds since 1970. */
  publication(book: Book, synthetic: boolean, time: number): CloudEvent;
  registration(reader: number, traits: Record<string, string | string[]>, time: number): CloudEvent;
  interaction(type: InteractionOfDemo, reader: number, book: Book, time: number, value?: number): CloudEvent;
}

/** @param prefix begins each id, and keeps runs with other settings apart in one log */
export function createDemoEvents(prefix: string): DemoEvents {
  const timestamp = createTimestamps();
  let counter = 0;
  return {
    publication(book, synthetic, time) {
      const at = timestamp(time);
      return {
        specversion: '1.0',
        id: `${prefix}${counter++}`,
        source: DEMO_SOURCE,
        type: 'content.published.v1',
        subject: book.id,
        time: at,
        datacontenttype: 'application/json',
        data: {
          title: book.title,
          description: book.description,
          tags: [...book.subjects],
          attributes: {
            author: book.author,
            year: book.year,
            language: book.language,
            ...(synthetic ? { synthetic: true } : {}),
          },
          published: at,
        },
      };
    },
    registration: (reader, traits, time) => ({
      specversion: '1.0',
      id: `${prefix}${counter++}`,
      source: DEMO_SOURCE,
      type: 'user.registered.v1',
      subject: readerId(reader),
      time: timestamp(time),
      datacontenttype: 'application/json',
      data: { traits },
    }),
    interaction: (type, reader, book, time, value) => ({
      specversion: '1.0',
      id: `${prefix}${counter++}`,
      source: DEMO_SOURCE,
      type,
      subject: readerId(reader),
      time: timestamp(time),
      datacontenttype: 'application/json',
      data: value === undefined ? { item: book.id } : { item: book.id, value },
    }),
  };
}
