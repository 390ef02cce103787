/** Answers for operators. */
import { Type } from 'typebox';
import { open } from './members.ts';

export const Ready = Type.Object(
  {
    ready: Type.Boolean(),
    waiting: Type.Array(
      Type.Object({
        service: Type.String({ examples: ['engine'] }),
        state: Type.String({ description: 'catching-up, rebuilding, refusing, stopping or down', examples: ['down'] }),
        detail: Type.Optional(Type.String()),
      }),
      { description: 'what is not ready' },
    ),
  },
  { $id: 'Ready', description: 'Whether the system serves requests' },
);

export const Nothing = Type.Object({}, { $id: 'Nothing', ...open, description: 'An empty object' });
