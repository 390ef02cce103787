/**
 * Reads streams in S2, a form of Snappy. nats-server writes it to the blocks of a stream whose `compression` is `s2`, and
 * sends the snapshot of a stream in it.
 */

/** A chunk that names the format begins each stream: `S2sTwO`, or `sNaPpY` as far as both are the same. */
const BEGIN = Buffer.from([0xff, 0x06, 0x00, 0x00]);
const NAMES = ['S2sTwO', 'sNaPpY'].map((name) => Buffer.concat([BEGIN, Buffer.from(name)]));
const CHECKSUM = 4;

/** The decompressed contents of all streams that begin anywhere in these bytes; of a damaged one, its part up to there. */
export function readS2(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (const name of NAMES)
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1))
      found.push(readStream(bytes.subarray(at)));
  return found;
}

function readStream(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const type = bytes.readUInt8(at);
    const length = bytes.readUIntLE(at + 1, 3);
    const body = bytes.subarray(at + 4, at + 4 + length);
    if (body.length < length) break;
    try {
      if (type === 0x00) parts.push(readBlock(body.subarray(CHECKSUM)));
      else if (type === 0x01) parts.push(body.subarray(CHECKSUM));
      else if (type < 0x80) break;
    } catch {
      break;
    }
    at += 4 + length;
  }
  return Buffer.concat(parts);
}

/** One block: its length, then literals and copies of earlier bytes. Throws `RangeError` if it is damaged. */
function readBlock(source: Buffer): Buffer {
  let at = 0;
  const byte = (): number => source.readUInt8(at++);
  const number = (bytes: number): number => {
    const value = source.readUIntLE(at, bytes);
    at += bytes;
    return value;
  };
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const next = byte();
    size += (next & 0x7f) * 2 ** shift;
    if (next < 0x80) break;
  }
  const target = Buffer.alloc(size);
  let to = 0;
  let offset = 0;
  while (at < source.length) {
    const tag = byte();
    const kind = tag & 3;
    let length: number;
    if (kind === 0) {
      const short = tag >> 2;
      length = (short < 60 ? short : number(short - 59)) + 1;
      to += source.copy(target, to, at, at + length);
      at += length;
      continue;
    }
    if (kind === 1) {
      const low = byte();
      const distance = ((tag & 0xe0) << 3) | low;
      length = (tag >> 2) & 7;
      // No distance: the one of the copy before, with a length that may follow.
      if (distance > 0) offset = distance;
      else if (length === 5) length = number(1) + 4;
      else if (length === 6) length = number(2) + 0x100;
      else if (length === 7) length = number(3) + 0x1_00_00;
      length += 4;
    } else {
      length = (tag >> 2) + 1;
      offset = number(kind === 2 ? 2 : 4);
    }
    if (offset === 0 || offset > to || to + length > size) throw new RangeError('the block is damaged');
    for (let i = 0; i < length; i++, to++) target[to] = target[to - offset] as number;
  }
  return target;
}
