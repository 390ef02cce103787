import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { startNatsServer } from '../../../test/support/nats.ts';
import { messagesOn, removeMessages } from './remove-messages.ts';

async function stream() {
  const server = await startNatsServer();
  onTestFinished(server.stop);
  const nc = await server.connect();
  const jsm = await nc.jetstreamManager();
  await jsm.streams.add({ name: 'S', subjects: ['s.>'] });
  const seqs: number[] = [];
  for (let i = 0; i < 30; i++) {
    const one = i % 3 === 0 ? 'leaves' : 'stays';
    const { seq } = await nc.jetstream().publish(`s.${one}.x`, `the words of ${one}`);
    if (one === 'leaves') seqs.push(seq);
  }
  const folder = join(server.dir, 'jetstream', '$G', 'streams', 'S', 'msgs');
  /** How often a text is in the blocks of the stream. */
  const inBlocks = (text: string): number =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.blk'))
      .reduce((sum, name) => sum + readFileSync(join(folder, name)).toString('latin1').split(text).length - 1, 0);
  const found = async (subject: string, below?: number): Promise<number[]> => {
    const all: number[] = [];
    for await (const seq of messagesOn(jsm, 'S', subject, below)) all.push(seq);
    return all;
  };
  return { jsm, seqs, inBlocks, found };
}

it('overwrites the bytes of messages, which a purge leaves in the block', async () => {
  const { jsm, seqs, inBlocks, found } = await stream();
  expect(inBlocks('words of leaves')).toBe(10);
  expect(await found('s.leaves.>')).toEqual(seqs);
  const half = seqs.slice(0, 5);
  const removed: number[] = [];
  await removeMessages(jsm, 'S', half, { onRemoved: (seq) => void removed.push(seq) });
  expect(removed.sort((a, b) => a - b)).toEqual(half);
  expect(inBlocks('words of leaves')).toBe(5);
  expect(inBlocks('words of stays')).toBe(20);
  expect(await found('s.leaves.>')).toEqual(seqs.slice(5));
  await jsm.streams.purge('S', { filter: 's.leaves.>' });
  expect(await found('s.leaves.>')).toEqual([]);
  expect(inBlocks('words of leaves')).toBe(5);
});

it('takes messages that the stream does not hold for removed, and reports other errors', async () => {
  const { jsm, seqs, found } = await stream();
  const [first, second] = seqs as [number, number];
  await removeMessages(jsm, 'S', [first]);
  let removed = 0;
  await removeMessages(jsm, 'S', [first, 1_000_000, second], { onRemoved: () => void removed++ });
  expect(removed).toBe(3);
  expect(await found('s.leaves.>', seqs[4])).toEqual(seqs.slice(2, 4));
  await expect(removeMessages(jsm, 'NONE', [first])).rejects.toThrow(/stream not found/);
});
