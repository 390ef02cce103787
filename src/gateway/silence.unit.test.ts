import { describe, expect, it } from 'vitest';
import { createSilence } from './silence.ts';

describe('silence', () => {
  it('begins with a late request, and ends with the next answer', () => {
    const silence = createSilence({ afterMs: 1_000, silentMs: 20 });
    expect(silence.waitMs()).toBe(1_000);
    const first = silence.sent();
    first.late();
    expect(silence.waitMs()).toBe(20);
    silence.sent().late();
    expect(silence.waitMs()).toBe(20);
    first.answered();
    expect(silence.waitMs()).toBe(1_000);
  });

  it('does not begin with one slow request while others are answered', () => {
    const silence = createSilence({ afterMs: 1_000, silentMs: 20 });
    const slow = silence.sent();
    silence.sent().answered();
    slow.late();
    expect(silence.waitMs()).toBe(1_000);
  });

  it('never waits longer than without it, and waits for the time limit if no stored list is wanted', () => {
    const brief = createSilence({ afterMs: 10, silentMs: 20 });
    brief.sent().late();
    expect(brief.waitMs()).toBe(10);
    const never = createSilence({ afterMs: 0, silentMs: 20 });
    never.sent().late();
    expect(never.waitMs()).toBe(0);
  });
});
