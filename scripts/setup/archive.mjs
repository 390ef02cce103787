/**
 * Reads the archives of releases with only Node: zip (wheels, Windows releases) and tar.gz (other releases).
 */
import { closeSync, createReadStream, createWriteStream, fstatSync, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;

/**
 * @typedef {{ name: string, method: number, packed: number, size: number, offset: number }} ZipEntry `offset` is the
 *   offset of the local header. Sizes are bytes.
 */

const readAt = (/** @type {number} */ file, /** @type {number} */ position, /** @type {number} */ length) => {
  const buffer = Buffer.alloc(length);
  const read = readSync(file, buffer, 0, length, position);
  if (read !== length)
    throw new Error(`zip: the file ends at byte ${position + read}, and it should hold ${length} bytes at ${position}`);
  return buffer;
};

/**
 * The files in a zip archive, from its central directory. It does not support zip64, because no archive of the set-up is
 * larger than 4 GB.
 *
 * @param {string} path
 * @returns {ZipEntry[]}
 */
export const listZip = (path) => {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const tail = readAt(file, Math.max(0, size - 65_557), Math.min(size, 65_557));
    let at = tail.length - 22;
    while (at >= 0 && tail.readUInt32LE(at) !== END_OF_DIRECTORY) at--;
    if (at < 0) throw new Error(`zip: no central directory in ${path}`);
    const count = tail.readUInt16LE(at + 10);
    const directory = readAt(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
    const entries = [];
    for (let i = 0, p = 0; i < count; i++) {
      if (directory.readUInt32LE(p) !== DIRECTORY_ENTRY) throw new Error(`zip: broken directory in ${path}`);
      const nameLength = directory.readUInt16LE(p + 28);
      entries.push({
        name: directory.toString('utf8', p + 46, p + 46 + nameLength),
        method: directory.readUInt16LE(p + 10),
        packed: directory.readUInt32LE(p + 20),
        size: directory.readUInt32LE(p + 24),
        offset: directory.readUInt32LE(p + 42),
      });
      p += 46 + nameLength + directory.readUInt16LE(p + 30) + directory.readUInt16LE(p + 32);
    }
    return entries;
  } finally {
    closeSync(file);
  }
};

// The name and the extra field may have other lengths in the local header than in the directory.
const dataOffset = (/** @type {number} */ file, /** @type {ZipEntry} */ entry) => {
  const header = readAt(file, entry.offset, 30);
  return entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
};

const refuseMethod = (/** @type {ZipEntry} */ entry) => {
  if (entry.method !== 0 && entry.method !== 8)
    throw new Error(`zip: ${entry.name} uses the unknown compression method ${entry.method}`);
};

/**
 * Reads one file of a zip archive into memory.
 *
 * @param {string} path
 * @param {ZipEntry} entry
 */
export const readZipEntry = (path, entry) => {
  refuseMethod(entry);
  const file = openSync(path, 'r');
  try {
    const packed = readAt(file, dataOffset(file, entry), entry.packed);
    return entry.method === 0 ? packed : inflateRawSync(packed);
  } finally {
    closeSync(file);
  }
};

/**
 * Extracts one file of a zip archive to disk in pieces, because TensorFlow's library has 565 MB.
 *
 * @param {string} path
 * @param {ZipEntry} entry
 * @param {string} target
 */
export const extractZipEntry = async (path, entry, target) => {
  refuseMethod(entry);
  const file = openSync(path, 'r');
  let start;
  try {
    start = dataOffset(file, entry);
  } finally {
    closeSync(file);
  }
  const source = createReadStream(path, { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 });
  const sink = createWriteStream(target);
  if (entry.method === 0) await pipeline(source, sink);
  else await pipeline(source, createInflateRaw({ chunkSize: 1 << 20 }), sink);
};

/**
 * Reads one file of a tar.gz archive into memory.
 *
 * @param {Buffer} archive
 * @param {(name: string) => boolean} wanted
 * @returns {Buffer | undefined}
 */
export const readTarGz = (archive, wanted) => {
  const tar = gunzipSync(archive);
  for (let p = 0; p + 512 <= tar.length; ) {
    const name = tar.toString('utf8', p, p + 100).replace(/\0.*$/s, '');
    if (name === '') break;
    const size = Number.parseInt(tar.toString('ascii', p + 124, p + 136), 8) || 0;
    const type = String.fromCharCode(tar[p + 156] ?? 0);
    if ((type === '0' || type === '\0') && wanted(name)) return tar.subarray(p + 512, p + 512 + size);
    p += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
};

/**
 * A tar.gz archive of one file.
 *
 * @param {string} name at most 100 bytes
 * @param {Buffer} content
 * @returns {Buffer}
 */
export const writeTarGz = (name, content) => {
  const header = Buffer.alloc(512);
  const octal = (/** @type {number} */ value, /** @type {number} */ digits) =>
    `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0, 100);
  header.write(octal(0o755, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(content.length, 11), 124);
  header.write(octal(0, 11), 136);
  // The checksum covers the header with spaces in place of the checksum.
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return gzipSync(Buffer.concat([header, content, padding, Buffer.alloc(1024)]), { level: 6 });
};
