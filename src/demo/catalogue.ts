/**
 * The catalogue of the demo: facts about works in the public domain. Each shelf is a file with one JSON document per line,
 * so that a change of a book changes one line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Subject } from './catalogue/subjects.ts';

export interface Book {
  /** A readable and unique slug that is a valid item id, such as `austen-pride-and-prejudice`. */
  id: string;
  title: string;
  author: string;
  /**
   * Year of first publication; for older works the year of writing, and for some plays the year of first performance
   * (often approximate). Negative years are BC.
   */
  year: number;
  /** Language of the original, BCP 47: ISO 639-1 if possible (`en`, `fr`), else ISO 639-3 (`grc`). */
  language: string;
  /** Subjects from `catalogue/subjects.ts`, the tradition first. */
  subjects: readonly Subject[];
  /** One sentence, in our own words. */
  description: string;
}

const SHELVES = new URL('./catalogue/', import.meta.url);

let loaded: readonly Book[] | undefined;

/** All books, shelf by shelf in the order of the file names. Reads the files once per process. */
export function catalogue(): readonly Book[] {
  loaded ??= readdirSync(SHELVES)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(new URL(name, SHELVES), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Book);
  return loaded;
}
