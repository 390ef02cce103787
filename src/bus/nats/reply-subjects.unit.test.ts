import { describe, expect, it } from 'vitest';
import { STREAMS } from '../../../streams.config.ts';
import { completeConfig } from '../../config/load.ts';
import { wireStream } from '../streams/wire.ts';
import { inboxPrefixes, isInbox, replySubjects } from './reply-subjects.ts';

describe('the reply subjects that services answer on', () => {
  it.each([
    '_INBOX.abc',
    '_INBOX.abc.1',
    '_INBOX_app.abc',
    '_INBOX_app-2.abc.1',
    '_R_.aBcDeF.gHiJkL',
    'acme.answers.1',
  ])('are inboxes: %s', (subject) => expect(isInbox(subject, inboxPrefixes(['acme.answers']))).toBe(true));

  it.each([
    '',
    '_INBOX',
    '_INBOX.',
    '_INBOX_.x',
    '_INBOXES.x',
    '_INBOX_app',
    '_INBOX.*',
    '_INBOX.>',
    '_INBOX.*.x',
    '_INBOX..x',
    '_INBOX_*.x.>',
    '_R_',
    '_R.x',
    '_GR_.a.b.ev.user.u1.viewed',
    'acme.answers',
    'acme.answersx.1',
    'acme.x',
    ' _INBOX.x',
    '_inbox.x',
    '$_INBOX.x',
    'ev._INBOX.x.viewed',
  ])('are nothing else: "%s"', (subject) => expect(isInbox(subject, inboxPrefixes(['acme.answers']))).toBe(false));

  it('are permissions of a server', () => {
    expect(replySubjects()).toEqual(['_R_.>', '_INBOX.>']);
    expect(replySubjects(['_INBOX_app'])).toEqual(['_R_.>', '_INBOX.>', '_INBOX_app.>']);
  });
});

describe('the setting nats.inbox_prefixes', () => {
  const complete = (prefix: string) => completeConfig({ nats: { inbox_prefixes: [prefix] } });

  it.each(['_INBOX_app', 'acme', 'acme.answers', 'events', 'evx.y'])('takes %s', (prefix) =>
    expect(complete(prefix).nats.inbox_prefixes).toEqual([prefix]),
  );

  it('takes no prefix of a stream, bucket, service or server, and no wildcard', () => {
    const stored = STREAMS.flatMap((one) => (one.kind === 'consumer' ? [] : wireStream(one).subjects));
    expect(stored.length).toBeGreaterThan(9);
    const first = stored.map((subject) => subject.split('.')[0] as string);
    for (const prefix of [...first, 'freshet', '$JS', '$SYS', '$SRV', '_GR_'])
      for (const one of [prefix, `${prefix}.x`])
        expect(() => complete(one), one).toThrow(expect.objectContaining({ code: 'FRESHET_CONFIG_INVALID' }));
    for (const one of ['', '>', '*', 'acme.>', '*.x', 'acme.', '.acme', 'a b', 'acme..x'])
      expect(() => complete(one), one).toThrow(expect.objectContaining({ code: 'FRESHET_CONFIG_INVALID' }));
  });
});
