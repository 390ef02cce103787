import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { coalesce, flushWrites } from './write-coalescing.ts';

const unexpected = (err: unknown): void => {
  throw err;
};

describe('write coalescing', () => {
  it('sends all writes of one turn together, in order, once', async () => {
    const sent: string[] = [];
    coalesce(() => sent.push('a'), unexpected);
    await Promise.resolve();
    coalesce(() => sent.push('b'), unexpected);
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual(['a', 'b']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends at once when it is flushed, and later writes at the end of the turn', async () => {
    const sent: string[] = [];
    coalesce(() => sent.push('a'), unexpected);
    flushWrites();
    expect(sent).toEqual(['a']);
    coalesce(() => sent.push('b'), unexpected);
    expect(sent).toEqual(['a']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends a write that a send adds in the next turn', async () => {
    const sent: string[] = [];
    coalesce(() => {
      sent.push('a');
      coalesce(() => sent.push('b'), unexpected);
    }, unexpected);
    flushWrites();
    expect(sent).toEqual(['a']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends the other writes if one throws, and hands the error to the caller of that write', async () => {
    const sent: string[] = [];
    const failures: unknown[] = [];
    const failed = (err: unknown): void => void failures.push(err);
    const broken = new Error('MAX_PAYLOAD_EXCEEDED');
    coalesce(() => sent.push('a'), failed);
    coalesce(() => {
      throw broken;
    }, failed);
    coalesce(() => sent.push('b'), failed);
    expect(flushWrites).not.toThrow();
    expect(sent).toEqual(['a', 'b']);
    expect(failures).toEqual([broken]);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });
});
