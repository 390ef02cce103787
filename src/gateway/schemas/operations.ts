/** Answers for operators. */
import { Type } from 'typebox';
import { open } from './members.ts';

export const Waiting = Type.Array(
  Type.Object({
    service: Type.String({ examples: ['engine'] }),
    state: Type.String({ description: 'catching-up, rebuilding, refusing, stopping or down', examples: ['down'] }),
    detail: Type.Optional(Type.String()),
  }),
  { description: 'what is not ready' },
);

export const Missing = Type.Array(
  Type.Object({
    kind: Type.String({ examples: ['kv'] }),
    name: Type.String({ examples: ['rankings'] }),
    code: Type.String({ examples: ['FRESHET_STREAM_MISSING'] }),
    message: Type.String(),
    next: Type.String({ description: 'what to do next' }),
    made_again: Type.Boolean({ description: 'whether a service makes it again' }),
    needed_by: Type.Array(Type.String({ examples: ['engine'] }), {
      description: 'programs that need it; if there are any and none makes it again, the system is not ready',
    }),
  }),
  { description: 'streams, KV buckets and object stores that somebody has deleted' },
);

export const Ready = Type.Object(
  { ready: Type.Boolean(), waiting: Waiting, missing: Missing },
  { $id: 'Ready', description: 'Whether the system serves requests' },
);

export const Nothing = Type.Object({}, { $id: 'Nothing', ...open, description: 'An empty object' });
