/**
 * The demo's catalogue: works in the public domain, written down as facts. One JSON document per line and file per
 * shelf, so that a changed book is a changed line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { Subject } from './catalogue/subjects.ts';

export interface Book {
  /** Readable slug, such as `austen-pride-and-prejudice`; unique, and a valid item id. */
  id: string;
  title: string;
  author: string;
  /**
   * Year of first publication or, for what was written before print and for plays known from the stage, of writing or
   * first performance (often about); negative years are BC.
   */
  year: number;
  /** Language of the original: BCP 47, so ISO 639-1 where there is one (`en`, `fr`), else ISO 639-3 (`grc`). */
  language: string;
  /** Of the vocabulary in `catalogue/subjects.ts`, the tradition first. */
  subjects: readonly Subject[];
  /** One sentence, in our own words. */
  description: string;
}

const SHELVES = new URL('./catalogue/', import.meta.url);

let loaded: readonly Book[] | undefined;

/** All books, shelf by shelf in the order of the files' names; read once per process. */
export function catalogue(): readonly Book[] {
  loaded ??= readdirSync(SHELVES)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(new URL(name, SHELVES), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Book);
  return loaded;
}
