/** Numbers and texts to bytes and back, little endian. A state is written with these. */

/** Writes into a buffer that grows. */
export class ByteWriter {
  #buffer: Buffer;
  #end = 0;

  /** @param bytes that the buffer has from the beginning: to grow copies all that was written */
  constructor(bytes = 1 << 16) {
    this.#buffer = Buffer.allocUnsafe(bytes);
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#buffer.length) return;
    const wider = Buffer.allocUnsafe(Math.max(this.#end + count, Math.ceil(this.#buffer.length * 1.5)));
    this.#buffer.copy(wider, 0, 0, this.#end);
    this.#buffer = wider;
  }

  bytes(bytes: Buffer): void {
    this.#reserve(bytes.length);
    bytes.copy(this.#buffer, this.#end);
    this.#end += bytes.length;
  }

  u32(value: number): void {
    this.#reserve(4);
    this.#end = this.#buffer.writeUInt32LE(value, this.#end);
  }

  f64(value: number): void {
    this.#reserve(8);
    this.#end = this.#buffer.writeDoubleLE(value, this.#end);
  }

  /** The count of the numbers, then the numbers in double precision. */
  f64s(values: ArrayLike<number>): void {
    this.count(values.length);
    this.#reserve(values.length * 8);
    for (let i = 0; i < values.length; i++) this.#end = this.#buffer.writeDoubleLE(values[i]!, this.#end);
  }

  /** The count of the numbers, then the numbers in single precision. */
  f32s(values: Float32Array): void {
    this.count(values.length);
    this.#reserve(values.length * 4);
    for (let i = 0; i < values.length; i++) this.#end = this.#buffer.writeFloatLE(values[i]!, this.#end);
  }

  /** A whole number >= 0, seven bits to a byte, the low bits first. */
  count(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#end++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#end++] = rest;
  }

  text(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.count(bytes.length);
    this.bytes(bytes);
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#end);
  }
}

/** Reads what a {@link ByteWriter} wrote, in the same order. */
export class ByteReader {
  #buffer: Buffer;
  #at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.#at = at;
  }

  f64(): number {
    const value = this.#buffer.readDoubleLE(this.#at);
    this.#at += 8;
    return value;
  }

  count(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.#buffer[this.#at++];
      if (byte === undefined) throw new RangeError('The bytes end within a number.');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  }

  f64s(): Float64Array {
    const values = new Float64Array(this.count());
    for (let i = 0; i < values.length; i++) values[i] = this.f64();
    return values;
  }

  f32s(): Float32Array {
    const values = new Float32Array(this.count());
    for (let i = 0; i < values.length; i++) {
      values[i] = this.#buffer.readFloatLE(this.#at);
      this.#at += 4;
    }
    return values;
  }

  bytes(length: number): Buffer {
    const bytes = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  /** All bytes that are left. */
  rest(): Buffer {
    return this.bytes(this.#buffer.length - this.#at);
  }

  text(): string {
    const length = this.count();
    const text = this.#buffer.toString('utf8', this.#at, this.#at + length);
    this.#at += length;
    return text;
  }
}
