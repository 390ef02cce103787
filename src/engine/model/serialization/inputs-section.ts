/** Recorded inputs as a section of a state. */
import { InputUnreadableError, MAP_KINDS } from '../inputs/kinds.ts';
import type { AdoptedState, Comparison } from '../inputs/recorded-inputs.ts';

/** Inputs as a section of a state: for each kind its number, both byte lengths, the sums of the comparison, the bytes. */
export function encodeAdopted(states: readonly AdoptedState[]): Buffer {
  const parts = states.flatMap(({ kind, inForce, challenger, comparison }) => {
    const head = Buffer.alloc(36);
    head.writeUInt32LE(MAP_KINDS.indexOf(kind), 0);
    head.writeUInt32LE(inForce?.length ?? 0, 4);
    head.writeUInt32LE(challenger?.length ?? 0, 8);
    for (const [at, value] of [comparison.events, comparison.ours, comparison.theirs].entries())
      head.writeDoubleLE(value, 12 + at * 8);
    return [head, inForce ?? Buffer.alloc(0), challenger ?? Buffer.alloc(0)];
  });
  return Buffer.concat(parts);
}

/** Reads what {@link encodeAdopted} wrote. */
export function decodeAdopted(bytes: Buffer): AdoptedState[] {
  const states: AdoptedState[] = [];
  const part = (at: number, length: number): Uint8Array | undefined =>
    length === 0 ? undefined : Uint8Array.from(bytes.subarray(at, at + length));
  for (let at = 0; at < bytes.length; ) {
    const [which, own, other] = [0, 4, 8].map((offset) => bytes.readUInt32LE(at + offset)) as [number, number, number];
    const [events, ours, theirs] = [12, 20, 28].map((offset) => bytes.readDoubleLE(at + offset));
    const kind = MAP_KINDS[which];
    if (kind === undefined) throw new InputUnreadableError(`a recorded input can't be read: it is of kind ${which}`);
    const comparison: Comparison = { events: events!, ours: ours!, theirs: theirs! };
    states.push({ kind, inForce: part(at + 36, own), challenger: part(at + 36 + own, other), comparison });
    at += 36 + own + other;
  }
  return states;
}
