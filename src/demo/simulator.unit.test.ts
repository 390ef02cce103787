import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { idProblem } from '../bus/event/ids.ts';
import { type CloudEvent, EVENT_DATA, type EventType, envelopeSchema } from '../bus/event/types.ts';
import type { Book } from './catalogue.ts';
import { DAY, dayOfWeek, hourOfDay } from './clock.ts';
import { DEMO_SOURCE } from './demo-events.ts';
import { createSimulation, type SimulationOptions, simulate } from './simulator.ts';

const END = Date.UTC(2026, 9, 1);
const SMALL: SimulationOptions = { seed: 1, end: END, readers: 300, events: 5_000, days: 30 };

const hash = (events: Iterable<CloudEvent>): string => {
  const sum = createHash('sha256');
  for (const event of events) sum.update(`${JSON.stringify(event)}\n`);
  return sum.digest('hex');
};

function take<T>(events: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = events.next();
    if (next.done) break;
    taken.push(next.value);
  }
  return taken;
}

const isInteraction = (event: CloudEvent): boolean => 'item' in event.data && event.type.startsWith('user.');
const itemOf = (event: CloudEvent): string => (event.data as { item: string }).item;

describe('a simulation', () => {
  const simulation = createSimulation(SMALL);
  const events = [...simulation.events()];

  it('is the same for the same seed, byte for byte', () => {
    expect(hash(simulate(SMALL))).toBe(hash(events));
  });

  it('differs for another seed', () => {
    expect(hash(simulate({ ...SMALL, seed: 2 }))).not.toBe(hash(events));
  });

  it('is in the order of event time and ends by the end', () => {
    const times = events.map((event) => Date.parse(event.time!));
    expect(times.every((time, i) => i === 0 || time >= times[i - 1]!)).toBe(true);
    expect(times[0]).toBe(END - 30 * DAY);
    expect(times.at(-1)).toBeLessThanOrEqual(END);
    expect(times.at(-1)).toBeGreaterThan(END - DAY);
  });

  it('has the requested numbers of events, readers and items', () => {
    const count = (type: string) => events.filter((event) => event.type === type).length;
    expect(events.filter(isInteraction)).toHaveLength(5_000);
    expect(count('user.registered.v1')).toBe(300);
    expect(count('content.published.v1')).toBe(simulation.books.length - simulation.reserve);
    for (const verb of ['viewed', 'added', 'purchased', 'rated']) expect(count(`user.${verb}.v1`)).toBeGreaterThan(100);
  });

  it('gives each event an id of its own, and other ids to a run with other settings', () => {
    expect(new Set(events.map((event) => event.id)).size).toBe(events.length);
    expect(events.every((event) => event.source === DEMO_SOURCE && idProblem(event.id) === undefined)).toBe(true);
    const [first] = take(simulate({ ...SMALL, readers: 301 }), 1);
    expect(events.map((event) => event.id)).not.toContain(first!.id);
  });

  it('makes only events that match the schemas', () => {
    const validators = new Map(
      (Object.entries(EVENT_DATA) as [EventType, TSchema][]).map(([type, data]) => [
        type,
        Compile(envelopeSchema(type, data)),
      ]),
    );
    const live = take(simulation.live({ now: () => END + DAY }), 1_000);
    for (const event of [...events, ...live]) {
      const validator = validators.get(event.type as EventType)!;
      if (!validator.Check(event)) expect.fail(JSON.stringify([event, [...validator.Errors(event)]]));
    }
  });

  it('lets no reader act before their registration, nor on an unpublished item', () => {
    const known = new Set<string>();
    for (const event of events) {
      if (event.type === 'user.registered.v1' || event.type === 'content.published.v1') known.add(event.subject);
      else {
        expect(known.has(event.subject)).toBe(true);
        expect(known.has(itemOf(event))).toBe(true);
      }
    }
  });

  it('publishes some books late, and readers read them afterwards', () => {
    const late = events.filter(
      (event) => event.type === 'content.published.v1' && Date.parse(event.time!) > END - 25 * DAY,
    );
    expect(late.length).toBeGreaterThan(20);
    const ids = new Set(late.map((event) => event.subject));
    expect(events.filter((event) => isInteraction(event) && ids.has(itemOf(event))).length).toBeGreaterThan(50);
  });

  it('rates from 1 to 5, and better what the reader likes', () => {
    const liked: number[] = [];
    const disliked: number[] = [];
    for (const event of events) {
      if (event.type !== 'user.rated.v1') continue;
      expect([1, 2, 3, 4, 5]).toContain(event.data.value);
      const affinity = simulation.trueAffinity(event.subject, event.data.item);
      (affinity > 0.6 ? liked : disliked).push(event.data.value!);
    }
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(mean(liked)).toBeGreaterThan(mean(disliked) + 0.5);
  });

  it('has readers whose tastes move on', () => {
    const readers = Array.from({ length: 300 }, (_, i) => simulation.tasteOf(`reader-${i + 1}`));
    const moved = readers.filter(({ drifts }) => drifts > 0).length;
    expect(moved).toBeGreaterThan(30);
    expect(moved).toBeLessThan(270);
  });

  it('gives some readers favourites, and all a country', () => {
    const traits = events.flatMap((event) => (event.type === 'user.registered.v1' ? [event.data.traits!] : []));
    expect(traits.every(({ country }) => typeof country === 'string')).toBe(true);
    const favourites =
      traits.filter(({ favouriteSubjects }) => Array.isArray(favouriteSubjects)).length / traits.length;
    expect(favourites).toBeGreaterThan(0.25);
    expect(favourites).toBeLessThan(0.55);
  });

  it('has a daily rhythm, and weekends', () => {
    const hours = new Array<number>(24).fill(0);
    const days = new Array<number>(7).fill(0);
    for (const event of events.filter(isInteraction)) {
      hours[hourOfDay(Date.parse(event.time!))]!++;
      days[dayOfWeek(Date.parse(event.time!))]!++;
    }
    expect(hours[20]! + hours[21]!).toBeGreaterThan(4 * (hours[3]! + hours[4]!));
    expect(days[0]! + days[6]!).toBeGreaterThan(0.29 * 5_000);
    expect(dayOfWeek(Date.UTC(2026, 0, 4))).toBe(0);
  });

  it('comes in sessions: most pauses of a reader are short or long', () => {
    const last = new Map<string, number>();
    const pauses: number[] = [];
    for (const event of events.filter(isInteraction)) {
      const time = Date.parse(event.time!);
      const before = last.get(event.subject);
      if (before !== undefined) pauses.push(time - before);
      last.set(event.subject, time);
    }
    const between = pauses.filter((pause) => pause > 600_000 && pause < 3 * 3_600_000).length;
    expect(between / pauses.length).toBeLessThan(0.05);
    expect(pauses.filter((pause) => pause < 600_000).length / pauses.length).toBeGreaterThan(0.5);
  });

  it('refuses invalid options', () => {
    expect(() => createSimulation({ ...SMALL, readers: 0 })).toThrow(RangeError);
    expect(() => createSimulation({ ...SMALL, perDay: 1 })).toThrow(/do not fit/);
    expect(() => simulation.trueAffinity('reader-999999', 'austen-emma')).toThrow(RangeError);
    expect(() => simulation.trueAffinity('reader-1', 'no-such-book')).toThrow(RangeError);
  });
});

describe('a run', () => {
  it('is the beginning of a longer one at the same pace', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 1_900 }), (seed, events) => {
        const options = { seed, end: END, readers: 80, days: 10, items: 200, perDay: 200 };
        const short = [...simulate({ ...options, events })];
        expect(short.filter(isInteraction)).toHaveLength(events);
        expect(take(simulate({ ...options, events: 2_000 }), short.length)).toEqual(short);
      }),
      { numRuns: 15 },
    );
  });

  it('may be interrupted anywhere and continued', () => {
    const options = { seed: 3, end: END, readers: 80, days: 10, items: 200, events: 600 };
    const whole = hash(simulate(options));
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }), (stops) => {
        const simulation = createSimulation(options);
        const pieces = stops.flatMap((stop) => take(simulation.events(), stop));
        expect(hash([...pieces, ...simulation.events()])).toBe(whole);
      }),
      { numRuns: 20 },
    );
  });

  it('has the requested sizes', () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer(),
          readers: fc.integer({ min: 1, max: 2_000 }),
          items: fc.integer({ min: 1, max: 1_500 }),
          events: fc.integer({ min: 1, max: 1_000 }),
          days: fc.double({ min: 0.05, max: 400, noNaN: true }),
        }),
        (sizes) => {
          const events = [...simulate({ ...sizes, end: END })];
          expect(events.filter(isInteraction)).toHaveLength(sizes.events);
          expect(events.every((event, i) => i === 0 || event.time! >= events[i - 1]!.time!)).toBe(true);
          expect(Date.parse(events.at(-1)!.time!)).toBeLessThanOrEqual(END);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('marks items beyond the catalogue as synthetic', () => {
    const simulation = createSimulation({ ...SMALL, items: 3_000 });
    const published = [...simulation.events()].filter((event) => event.type === 'content.published.v1');
    expect(published).toHaveLength(3_000);
    const invented = published.filter(({ data }) => data.attributes?.synthetic === true);
    expect(invented.length).toBeGreaterThan(1_500);
    for (const { subject, data } of invented) {
      expect(subject).toMatch(/^synthetic-/);
      expect(data.title).toContain('synthetic');
      expect(data.tags!.length).toBeGreaterThanOrEqual(4);
    }
    expect(published.filter(({ subject }) => subject.startsWith('synthetic-'))).toHaveLength(invented.length);
  });
});

describe('the live trickle', () => {
  it('continues the simulation without end, by the caller’s clock', () => {
    const simulation = createSimulation(SMALL);
    const before = [...simulation.events()];
    let time = END;
    const events = take(
      simulation.live({
        now: () => {
          time += 1_000;
          return time;
        },
      }),
      8_000,
    );
    expect(events).toHaveLength(8_000);
    expect(Date.parse(events[0]!.time!)).toBeGreaterThan(END);
    expect(events.every((event, i) => i === 0 || event.time! >= events[i - 1]!.time!)).toBe(true);
    expect(new Set([...before, ...events].map((event) => event.id)).size).toBe(before.length + events.length);
    const books = events.filter((event) => event.type === 'content.published.v1').map((event) => event.subject);
    expect(books).toEqual(simulation.books.slice(-simulation.reserve).map((book) => book.id));
    expect(events.some((event) => event.type === 'user.registered.v1')).toBe(true);
    expect(events.some((event) => isInteraction(event) && books.includes(itemOf(event)))).toBe(true);
  });

  it('has a few readers at a time', () => {
    const simulation = createSimulation(SMALL);
    for (const _ of simulation.events());
    const events = take(simulation.live({ now: () => END, active: 3 }), 200).filter(isInteraction);
    for (let i = 0; i + 12 < events.length; i += 12) {
      const readers = new Set(events.slice(i, i + 12).map((event) => event.subject));
      expect(readers.size).toBeLessThanOrEqual(12);
      expect(readers.size).toBeGreaterThan(1);
    }
  });

  it('works without any past', () => {
    const simulation = createSimulation({ ...SMALL, events: 1 });
    expect(take(simulation.live({ now: () => END }), 3_000).filter(isInteraction).length).toBeGreaterThan(1_500);
  });

  it('never goes back in time when the caller’s clock does', () => {
    const simulation = createSimulation(SMALL);
    const last = [...simulation.events()].at(-1)!;
    for (const event of take(simulation.live({ now: () => 0 }), 50)) expect(event.time! >= last.time!).toBe(true);
  });
});

describe('what readers do', () => {
  const simulation = createSimulation({ seed: 7, end: END, readers: 3_000, events: 75_000 });
  const books = new Map(simulation.books.map((book) => [book.id, book]));
  const histories = new Map<string, Set<string>>();
  const readersOf = new Map<string, Set<string>>();
  const steps: [string, string][] = [];
  const lastViewed = new Map<string, string>();
  for (const event of simulation.events()) {
    if (!isInteraction(event)) continue;
    const item = itemOf(event);
    (histories.get(event.subject) ?? histories.set(event.subject, new Set()).get(event.subject)!).add(item);
    (readersOf.get(item) ?? readersOf.set(item, new Set()).get(item)!).add(event.subject);
    if (event.type !== 'user.viewed.v1') continue;
    const before = lastViewed.get(event.subject);
    if (before !== undefined) steps.push([before, item]);
    lastViewed.set(event.subject, item);
  }
  const mostRead = [...readersOf].sort(([, a], [, b]) => b.size - a.size).map(([item]) => item);

  /** Topics two books share (the tradition does not count), or the author. */
  const related = (a: Book, b: Book): boolean =>
    a.author === b.author || a.subjects.slice(1).some((subject) => b.subjects.includes(subject));
  const sharedSubjects = (a: string, b: string): number =>
    books.get(a)!.subjects.filter((subject) => books.get(b)!.subjects.includes(subject)).length;

  function similar(item: string, count: number): string[] {
    const together = new Map<string, number>();
    for (const reader of readersOf.get(item)!) {
      for (const other of histories.get(reader)!)
        if (other !== item) together.set(other, (together.get(other) ?? 0) + 1);
    }
    return [...together]
      .map(([other, n]) => ({ other, cosine: n / Math.sqrt(readersOf.get(item)!.size * readersOf.get(other)!.size) }))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, count)
      .map(({ other }) => other);
  }

  it('makes related books neighbours: plain cosine finds them for the 100 most read', () => {
    const pairs = mostRead.slice(0, 100).flatMap((a) => similar(a, 5).map((b) => [a, b] as const));
    const share = pairs.filter(([a, b]) => related(books.get(a)!, books.get(b)!)).length / pairs.length;
    expect(share).toBeGreaterThan(0.9);
    // It is no matter of course: of any two of these books a third is related.
    const top = mostRead.slice(0, 100);
    const any = top.flatMap((a) => top.filter((b) => b !== a).map((b) => [a, b] as const));
    const byChance = any.filter(([a, b]) => related(books.get(a)!, books.get(b)!)).length / any.length;
    expect(byChance).toBeLessThan(0.5);
  });

  it('leads from Pride and Prejudice to the rest of Jane Austen', () => {
    const authors = similar('austen-pride-and-prejudice', 8).map((item) => books.get(item)!.author);
    expect(authors.filter((author) => author === 'Jane Austen').length).toBeGreaterThanOrEqual(3);
  });

  it('goes from one book to a related one', () => {
    const mean = (pairs: [string, string][]) =>
      pairs.reduce((sum, [a, b]) => sum + sharedSubjects(a, b), 0) / pairs.length;
    // The same books in another order, so that popularity counts on both sides.
    const shuffled = steps.map(([a], i): [string, string] => [a, steps[(i * 7_919) % steps.length]![1]]);
    expect(mean(steps)).toBeGreaterThan(2 * mean(shuffled));
    // More than tastes alone would make: the next step of a reader is nearer than one of twenty steps later.
    const byReader = [...histories.values()].map((items) => [...items]).filter((items) => items.length > 25);
    const apart = (gap: number) =>
      mean(byReader.flatMap((items) => items.slice(gap).map((b, i): [string, string] => [items[i]!, b])));
    expect(apart(1)).toBeGreaterThan(1.1 * apart(20));
  });

  it('is skewed: a tenth of the books gets more than a quarter of the reading, and nobody reads everything', () => {
    const reads = mostRead.map((item) => readersOf.get(item)!.size);
    const total = reads.reduce((sum, n) => sum + n, 0);
    const head = reads.slice(0, Math.floor(reads.length / 10)).reduce((sum, n) => sum + n, 0);
    expect(head / total).toBeGreaterThan(0.25);
    expect(head / total).toBeLessThan(0.7);
    expect(Math.max(...[...histories.values()].map((items) => items.size))).toBeLessThan(400);
  });

  it('is predicted better by tastes than by popularity', () => {
    // What readers did next in the live trickle, against the two lists made before it.
    let byTaste = 0;
    let byPopularity = 0;
    let asked = 0;
    const popular = new Set(mostRead.slice(0, 20));
    for (const event of take(simulation.live({ now: () => END, bookEvery: 1e9, newcomers: 0 }), 400)) {
      if (event.type !== 'user.viewed.v1') continue;
      const ranking = simulation.trueRanking(event.subject, 100, new Set());
      asked++;
      if (ranking.some(({ item }) => item === event.data.item)) byTaste++;
      if (popular.has(event.data.item)) byPopularity++;
    }
    expect(byTaste / asked).toBeGreaterThan(0.3);
    expect(byTaste).toBeGreaterThan(byPopularity);
  });

  it('has probabilities that add up to 1 and favour liked items', () => {
    const chances = simulation.trueNext('reader-5');
    expect(chances.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 6);
    const liked = simulation.trueRanking('reader-5', 30).map(({ item }) => chances[simulation.indexOf(item)]!);
    expect(liked.reduce((sum, chance) => sum + chance, 0)).toBeGreaterThan(5 * (30 / simulation.books.length));
  });
});
