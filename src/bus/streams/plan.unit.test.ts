import { DiscardPolicy, nanos, StorageType, type StreamConfig } from 'nats';
import { describe, expect, it } from 'vitest';
import { ENGINE_OUTPUT, EVENTS, RANKINGS, STREAMS } from '../../../streams.config.ts';
import { compareConfig } from './compare.ts';
import { exportStreams } from './plan.ts';
import { wireStream } from './wire.ts';

const wanted = wireStream(EVENTS);
const output = wireStream(ENGINE_OUTPUT);

describe('settings of a stream', () => {
  it('that are equal have no difference', () => {
    expect(compareConfig({ ...wanted }, wanted)).toEqual({ changes: [], notes: [] });
  });

  it('that the server leaves out are its defaults', () => {
    const { allow_rollup_hdrs: _rollup, deny_delete: _delete, deny_purge: _purge, max_age: _age, ...rest } = wanted;
    expect(compareConfig(rest, wanted)).toEqual({ changes: [], notes: [] });
  });

  it('with subjects in another order have no difference', () => {
    const both = { ...wanted, subjects: ['a', 'b'] };
    expect(compareConfig({ ...both, subjects: ['b', 'a'] }, both)).toEqual({ changes: [], notes: [] });
  });

  it.each<[string, Partial<StreamConfig>, typeof wanted]>([
    ['a description', { ...wanted, description: 'other words' }, wanted],
    ['a wider limit in bytes', { ...wanted, max_bytes: 1_000 }, wanted],
    ['a wider limit in age', { ...wanted, max_age: nanos(1_000) }, wanted],
    ['another window', { ...wanted, duplicate_window: nanos(1_000) }, wanted],
    ['another policy', { ...wanted, discard: DiscardPolicy.Old }, wanted],
    ['one subject more', { ...wanted, subjects: [] }, wanted],
  ])('may change without danger: %s', (_what, found, to) => {
    const { changes } = compareConfig({ ...found }, to);
    expect(changes).toHaveLength(1);
    expect(changes[0]).toMatchObject({ possible: true });
    expect(changes[0]?.danger).toBeUndefined();
  });

  it.each<[string, Partial<StreamConfig>, typeof wanted, string]>([
    ['a narrower limit in age', { ...output, max_age: 0 }, output, 'deletes messages over'],
    ['a narrower limit in bytes', { ...output, max_bytes: -1 }, output, 'deletes messages over'],
    [
      'fewer values a key',
      { ...wireStream(RANKINGS), max_msgs_per_subject: 10 },
      wireStream(RANKINGS),
      'deletes messages over',
    ],
    ['one subject less', { ...wanted, subjects: ['ev.>', 'old.>'] }, wanted, 'old.>'],
    ['other storage', { ...wanted, storage: StorageType.Memory }, wanted, 'creates it again'],
  ])('lose data: %s', (_what, found, to, why) => {
    const { changes } = compareConfig({ ...found }, to);
    expect(changes).toHaveLength(1);
    expect(changes[0]?.danger).toContain(why);
  });
});

describe('settings that this release does not know', () => {
  it('are shown with their value, and left to the operator', () => {
    expect(compareConfig({ ...wanted, keep_forever: false, spread: {}, future_mode: 'lossy' }, wanted)).toEqual({
      changes: [],
      notes: [{ setting: 'future_mode', found: 'lossy', wanted: null, possible: false }],
    });
  });
});

describe('what lives in JetStream', () => {
  it('has a description for each part', () => {
    for (const { name, description } of STREAMS) expect(description.length, name).toBeGreaterThan(20);
  });

  it('exports everything but consumers under the server’s names', () => {
    expect(exportStreams().map(({ name }) => name)).toEqual([
      'EVENTS',
      'DEAD_LETTERS',
      'ENGINE_OUTPUT',
      'KV_rankings',
      'KV_engine',
      'KV_keys',
      'KV_dead_letters',
      'KV_erasures',
      'KV_leases',
      'OBJ_snapshots',
    ]);
  });
});
