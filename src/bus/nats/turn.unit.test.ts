import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sendNow, sendThisTurn } from './turn.ts';

const unexpected = (err: unknown): void => {
  throw err;
};

describe('sending at the end of a turn', () => {
  it('sends what was given within one turn together, in order, once', async () => {
    const sent: string[] = [];
    sendThisTurn(() => sent.push('a'), unexpected);
    await Promise.resolve();
    sendThisTurn(() => sent.push('b'), unexpected);
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual(['a', 'b']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends at once for who is about to be busy, and what comes afterwards with the turn', async () => {
    const sent: string[] = [];
    sendThisTurn(() => sent.push('a'), unexpected);
    sendNow();
    expect(sent).toEqual(['a']);
    sendThisTurn(() => sent.push('b'), unexpected);
    expect(sent).toEqual(['a']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends in the next turn what is asked for while sending', async () => {
    const sent: string[] = [];
    sendThisTurn(() => {
      sent.push('a');
      sendThisTurn(() => sent.push('b'), unexpected);
    }, unexpected);
    sendNow();
    expect(sent).toEqual(['a']);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });

  it('sends the others where one throws, and hands its error to the one who asked for that send', async () => {
    const sent: string[] = [];
    const failures: unknown[] = [];
    const failed = (err: unknown): void => void failures.push(err);
    const broken = new Error('MAX_PAYLOAD_EXCEEDED');
    sendThisTurn(() => sent.push('a'), failed);
    sendThisTurn(() => {
      throw broken;
    }, failed);
    sendThisTurn(() => sent.push('b'), failed);
    expect(sendNow).not.toThrow();
    expect(sent).toEqual(['a', 'b']);
    expect(failures).toEqual([broken]);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });
});
