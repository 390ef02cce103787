/** The manifest of a snapshot: the value of the pointer `engine.current`, and the description of the object. */
import type { Fingerprint } from '../../bus/projection/store.ts';
import type { Origin } from '../settings/settings.ts';

export interface Manifest extends Origin {
  /** Name in the object store. */
  object: string;
  /** SHA-256 of the object's bytes, hex. */
  sha256: string;
  /** Position of the log that the snapshot is a state of. */
  seq: number;
  /** The fold's clock at that position, RFC 3339. */
  event_time: string;
  /** Release that wrote it. */
  code: string;
  backend: string;
  /** Digest of the recorded inputs that count up to `seq`; empty if no input does. */
  inputs?: string;
  bytes: number;
  users: number;
  items: number;
  events: number;
  /** Quality on the newest events, each scored before the model learned from it; null before it scored any. */
  prequential: object | null;
  /** Settings of the engine that wrote it; releases before the rollback left them out. */
  settings?: Readonly<Record<string, unknown>>;
  /** Snapshot whose ranker was pinned. */
  pinned?: string;
  /**
   * The state is what the log gave at `seq`: no rebuild was due, and no part of it contained a forgotten user. Releases
   * before the start of a replica from a snapshot left it out.
   */
  exact?: boolean;
  /** Messages at or below `seq`, newest first, by which an engine recognises the log. */
  marks: Fingerprint[];
}

const TEXTS = ['object', 'sha256', 'event_time', 'config', 'fold', 'stream', 'code', 'backend'] as const;
const NUMBERS = ['seq', 'bytes', 'users', 'items', 'events', 'model'] as const;

/** Parses a manifest; undefined if the text is not a manifest. */
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

const REASONS: Record<keyof Origin, string> = {
  config: 'made under another configuration',
  model: 'made by another version of the model',
  fold: 'made under other schemas, declared types or weights',
  stream: 'made from another stream',
};

/** Why this engine cannot use a snapshot, in words; undefined if it can. */
export function incompatibility(manifest: Origin, ours: Origin): string | undefined {
  const name = (Object.keys(REASONS) as (keyof Origin)[]).find((key) => manifest[key] !== ours[key]);
  return name && `${REASONS[name]} (${manifest[name]} instead of ${ours[name]})`;
}
