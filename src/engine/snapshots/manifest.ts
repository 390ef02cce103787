/** What a snapshot says of itself: in the pointer `engine.current`, and as the description of the object. */
import type { Fingerprint } from '../../bus/projection/store.ts';
import type { Origin } from '../settings/settings.ts';

export interface Manifest extends Origin {
  /** Name in the object store. */
  object: string;
  /** SHA-256 of the object's bytes, hex. */
  sha256: string;
  /** Position of the log that it holds. */
  seq: number;
  /** The fold's clock at that position, RFC 3339. */
  event_time: string;
  /** Release that wrote it. */
  code: string;
  backend: string;
  /** What identifies the recorded inputs that count up to `seq`; empty: there are none. */
  inputs?: string;
  bytes: number;
  users: number;
  items: number;
  events: number;
  /** Quality on the events that came, each asked for before it was learned; null where none was scored. */
  prequential: object | null;
  /** Settings of the engine that it was made under; left out by releases before there was a way back. */
  settings?: Readonly<Record<string, unknown>>;
  /** Snapshot that the ranker was pinned to. */
  pinned?: string;
  /** Messages at or below `seq`, newest first, by which the log is recognised. */
  marks: Fingerprint[];
}

const TEXTS = ['object', 'sha256', 'event_time', 'config', 'fold', 'stream', 'code', 'backend'] as const;
const NUMBERS = ['seq', 'bytes', 'users', 'items', 'events', 'model'] as const;

/** The manifest that a text holds, or undefined where it is none. */
export function parseManifest(text: string): Manifest | undefined {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !Array.isArray(value.marks)) return undefined;
  if (!TEXTS.every((name) => typeof value[name] === 'string')) return undefined;
  if (!NUMBERS.every((name) => Number.isSafeInteger(value[name]))) return undefined;
  return value as unknown as Manifest;
}

const WORDS: Record<keyof Origin, string> = {
  config: 'made under another configuration',
  model: 'made by another version of the model',
  fold: 'made under other schemas, declared types or weights',
  stream: 'made from another stream',
};

/** Why a snapshot is not one of this engine's, in words; undefined where it is. */
export function strangeness(manifest: Origin, ours: Origin): string | undefined {
  const name = (Object.keys(WORDS) as (keyof Origin)[]).find((key) => manifest[key] !== ours[key]);
  return name && `${WORDS[name]} (${manifest[name]} instead of ${ours[name]})`;
}
