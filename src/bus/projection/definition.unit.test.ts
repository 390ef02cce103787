import { Type } from 'typebox';
import { describe, expect, it, vi } from 'vitest';
import { EVENT_DATA } from '../event/types.ts';
import { foldVersion } from './definition.ts';

const definition = { service: 'user', code: 1, inputs: { declared: ['x_listened'], windowMs: 5 } } as const;

/** The fold version while an event's schema is another one. */
function versionWith(schema: object): string {
  const data = EVENT_DATA as unknown as Record<string, object>;
  const before = data['user.viewed.v1'] as object;
  data['user.viewed.v1'] = schema;
  try {
    return foldVersion(definition);
  } finally {
    data['user.viewed.v1'] = before;
  }
}

describe('the fold version', () => {
  it('is 16 hex digits, the same for the same definition', () => {
    expect(foldVersion(definition)).toMatch(/^[0-9a-f]{16}$/);
    expect(foldVersion({ ...definition })).toBe(foldVersion(definition));
  });

  it('does not depend on the order of its inputs', () => {
    const turned = { ...definition, inputs: { windowMs: 5, declared: ['x_listened'] } };
    expect(foldVersion(turned)).toBe(foldVersion(definition));
  });

  it.each([
    ['code', { ...definition, code: 2 }],
    ['inputs', { ...definition, inputs: { ...definition.inputs, windowMs: 6 } }],
    ['declared types', { ...definition, inputs: { ...definition.inputs, declared: [] } }],
    ['the service', { ...definition, service: 'content' as const }],
  ])('changes with %s', (_what, other) => {
    expect(foldVersion(other)).not.toBe(foldVersion(definition));
  });

  it('changes with what the codec reads', async () => {
    vi.resetModules();
    vi.doMock('../event/version.ts', () => ({ CODEC_CODE: 1_000 }));
    const other = await import('./definition.ts');
    vi.doUnmock('../event/version.ts');
    expect(other.foldVersion(definition)).not.toBe(foldVersion(definition));
  });

  it('changes with a schema, but not with its description', () => {
    const item = (description: string, maxLength: number) =>
      Type.Object({ item: Type.String({ description, maxLength }) });
    expect(versionWith(item('an item', 10))).not.toBe(foldVersion(definition));
    expect(versionWith(item('an item', 10))).toBe(versionWith(item('other words', 10)));
    expect(versionWith(item('an item', 10))).not.toBe(versionWith(item('an item', 11)));
  });

  it('changes with a property that is called description', () => {
    const described = (maxLength: number) => Type.Object({ description: Type.String({ maxLength }) });
    expect(versionWith(described(10))).not.toBe(versionWith(described(11)));
  });
});
