import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idProblem } from './ids.ts';
import { deadLetterSubject, entitySubjects, eventSubject, parseEventSubject } from './subject.ts';

const anyId = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 30 })
  .map((text) => text.normalize('NFC'))
  .filter((text) => idProblem(text) === undefined);

describe('the subject of an event', () => {
  it('is parsed back to its parts', () => {
    fc.assert(
      fc.property(fc.constantFrom('user', 'content', 'feedback', 'control'), anyId, (context, entity) => {
        const parts = parseEventSubject(eventSubject(context, entity, 'viewed'));
        expect(parts).toEqual({ context, entity, verb: 'viewed' });
      }),
    );
  });

  it('has four tokens, whatever the id', () => {
    fc.assert(
      fc.property(anyId, (entity) => {
        expect(eventSubject('user', entity, 'viewed').split('.')).toHaveLength(4);
      }),
    );
  });

  it.each([
    '',
    'ev',
    'ev.user.u1',
    'ev.user.u1.viewed.more',
    'ev.shop.u1.viewed',
    'xx.user.u1.viewed',
    'ev.user.=41.viewed',
    'ev.user..viewed',
  ])('%j is not a subject of the log', (subject) => {
    expect(parseEventSubject(subject)).toBeUndefined();
  });

  it('as a filter matches all events of one entity and of no other', () => {
    expect(entitySubjects('user', 'u.4 2')).toBe('ev.user.u=2E4=202.>');
  });
});

describe('the subject of a dead letter', () => {
  it('names service, context, entity and verb', () => {
    expect(deadLetterSubject('user', 'ev.user.a=2Eb.viewed')).toBe('dlq.user.user.a=2Eb.viewed');
  });

  it('encodes a subject that is not one of an event as one token', () => {
    expect(deadLetterSubject('user', 'ev.user.a.b.c')).toBe('dlq.user.unknown.ev=2Euser=2Ea=2Eb=2Ec.unknown');
  });
});
