/**
 * The map of a recorded input and its bytes. Training outside the fold contributed it, and the fold cannot compute it
 * again to the bit. So its bytes are stored, and it counts from a position of the log on. It maps the features of items
 * to vectors, and a user's history to a vector of the same space; the product of the two is how well an item goes with
 * the history.
 *
 * Layout: 8 bytes `FRSHINPT`, u32 version, u32 length of the header, the header as JSON, then 32-bit words: hashes of
 * the features, then the matrices, row-major, float32, all little endian.
 */
import { type InputQuality, InputUnreadableError, MAP_KINDS, type MapKind } from './kinds.ts';

const MAGIC = 'FRSHINPT';
const VERSION = 1;

/**
 * Maps from features to vectors. With x the features of an item (ones, and its embedding), the item's vector is `x W +
 * relu(x A + a) B` and its level `x b`. A user's vector is the sum of `x V` over the items of the history, divided by
 * `sqrt(n)`, plus u. A score is the product of the two vectors plus the level.
 */
export interface ContentMap {
  kind: MapKind;
  /**
   * Hashes of the features that the map knows, one for each of the first rows; the embedding's numbers have the other
   * rows.
   */
  hashes: Uint32Array;
  embeddingSize: number;
  /** Length of vectors. */
  rank: number;
  /** Units of the hidden layer, 0 for none. */
  hidden: number;
  /** rows x rank. */
  item: Float32Array;
  /** rows x rank; undefined: the same as `item`. */
  user: Float32Array | undefined;
  /** rows x 1; undefined: none. */
  level: Float32Array | undefined;
  /** rank; undefined: none. */
  nobody: Float32Array | undefined;
  /** rows x hidden, hidden, hidden x rank; empty without a hidden layer. */
  hiddenIn: Float32Array;
  hiddenBias: Float32Array;
  hiddenOut: Float32Array;
  quality: InputQuality;
}

interface Header {
  kind: MapKind;
  features: number;
  embeddingSize: number;
  rank: number;
  hidden: number;
  user: boolean;
  level: boolean;
  nobody: boolean;
  quality: InputQuality;
}

/** Number of words of each part, in the order in which they are written. */
function layout({ features, embeddingSize, rank, hidden, user, level, nobody }: Header): number[] {
  const rows = features + embeddingSize;
  return [
    features,
    rows * rank,
    user ? rows * rank : 0,
    level ? rows : 0,
    nobody ? rank : 0,
    rows * hidden,
    hidden,
    hidden * rank,
  ];
}

export function encodeMap(map: ContentMap): Buffer {
  const { kind, embeddingSize, rank, hidden, quality } = map;
  const header: Header = {
    kind,
    features: map.hashes.length,
    embeddingSize,
    rank,
    hidden,
    user: map.user !== undefined,
    level: map.level !== undefined,
    nobody: map.nobody !== undefined,
    quality,
  };
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const parts = [map.hashes, map.item, map.user, map.level, map.nobody, map.hiddenIn, map.hiddenBias, map.hiddenOut];
  const sizes = layout(header);
  const words = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = Buffer.alloc(16 + json.length + words * 4);
  bytes.write(MAGIC, 'latin1');
  bytes.writeUInt32LE(VERSION, 8);
  bytes.writeUInt32LE(json.length, 12);
  json.copy(bytes, 16);
  let at = 16 + json.length;
  for (const [which, part] of parts.entries()) {
    if ((part?.length ?? 0) !== sizes[which]) throw new RangeError(`part ${which} of a map has the wrong size`);
    for (const word of part ?? [])
      at = part instanceof Uint32Array ? bytes.writeUInt32LE(word, at) : bytes.writeFloatLE(word, at);
  }
  return bytes;
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

/** Reads what {@link encodeMap} wrote. Throws {@link InputUnreadableError}. */
export function decodeMap(encoded: Uint8Array): ContentMap {
  const bytes = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const unreadable = (why: string) =>
    new InputUnreadableError(`a recorded input can't be read: ${why}`, { details: { bytes: bytes.length } });
  if (bytes.length < 16 || bytes.toString('latin1', 0, 8) !== MAGIC) throw unreadable('these bytes are none');
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw unreadable(`it is of version ${version}, this release reads ${VERSION}`);
  const start = 16 + bytes.readUInt32LE(12);
  let header: Header;
  try {
    header = JSON.parse(bytes.toString('utf8', 16, start)) as Header;
  } catch {
    throw unreadable('its header is damaged');
  }
  const { kind, features, embeddingSize, rank, hidden, quality } = header;
  if (!MAP_KINDS.includes(kind)) throw unreadable(`it is of kind ${String(kind)}`);
  if (![features, embeddingSize, rank, hidden].every(isCount)) throw unreadable('its header is damaged');
  const sizes = layout(header);
  const words = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes.length !== start + words * 4) throw unreadable(`${start + words * 4} bytes were expected`);
  let at = start;
  const floats = (which: number): Float32Array => {
    const part = new Float32Array(sizes[which]!);
    for (let i = 0; i < part.length; i++, at += 4) {
      part[i] = bytes.readFloatLE(at);
      if (!Number.isFinite(part[i]!)) throw unreadable('it holds a value that is no number');
    }
    return part;
  };
  const hashes = new Uint32Array(features);
  for (let i = 0; i < features; i++, at += 4) hashes[i] = bytes.readUInt32LE(at);
  return {
    kind,
    hashes,
    embeddingSize,
    rank,
    hidden,
    quality,
    item: floats(1),
    user: header.user ? floats(2) : undefined,
    level: header.level ? floats(3) : undefined,
    nobody: header.nobody ? floats(4) : undefined,
    hiddenIn: floats(5),
    hiddenBias: floats(6),
    hiddenOut: floats(7),
  };
}
