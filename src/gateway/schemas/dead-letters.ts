/** Answers about dead letters. */
import { Type } from 'typebox';
import { OrNull, open, Seq, Time } from './members.ts';

const service = Type.String({ examples: ['engine'] });
const code = Type.String({ description: 'stable code, for programs', examples: ['FRESHET_EVENT_SCHEMA'] });
const message = Type.String({ description: 'what is wrong, for people' });

export const DeadLetters = Type.Object(
  {
    count: Type.Integer({ description: 'events with an open dead letter that the request names' }),
    complete: Type.Boolean({
      description: 'false if there are more dead letters than http.dead_letters_max; count and reasons then lack some',
    }),
    reasons: Type.Array(Type.Object({ code, events: Type.Integer() }, open), {
      description: 'how many events each reason has, the most frequent first',
    }),
    dead_letters: Type.Array(
      Type.Object(
        {
          seq: Seq('sequence of the event in the log'),
          subject: Type.String({ examples: ['ev.user.u42.viewed'] }),
          event: OrNull(Type.Object({}, open), 'the event; null if the payload is not a JSON object'),
          text: Type.Optional(Type.String({ description: 'the payload, if event is null' })),
          bytes: Type.Integer({ description: 'size of the payload' }),
          services: Type.Array(
            Type.Object(
              {
                service,
                code,
                message,
                mark: Type.Optional(
                  Type.Object(
                    {
                      done: Type.Enum(['discarded', 'corrected']),
                      at: Time('when an operator resolved it'),
                      seq: Type.Optional(Seq('of the corrected event')),
                    },
                    { ...open, description: 'with all=true: how an operator resolved it' },
                  ),
                ),
              },
              open,
            ),
            { description: 'the services that could not fold it, and why' },
          ),
          problem: OrNull(
            Type.Object({ code, message }, open),
            'why this release cannot fold the event; null if it can, so that a rebuild folds it',
          ),
        },
        open,
      ),
      { description: 'newest first' },
    ),
    next: OrNull(Seq('before of the next page'), 'null after the last page'),
  },
  { $id: 'DeadLetters', ...open, description: 'Events that services could not fold' },
);

export const DeadLetterOutcome = Type.Object(
  {
    seq: Seq('sequence of the event in the log'),
    done: Type.Enum(['readable', 'corrected', 'discarded'], {
      description: 'readable: this release can fold it; corrected: a corrected event is in the log; discarded',
    }),
    services: Type.Array(service, { description: 'the services that hold the dead letter' }),
    published: Type.Optional(Seq('of the corrected event')),
    next: Type.Optional(Type.String({ description: 'the commands that fold a readable event' })),
  },
  { $id: 'DeadLetterOutcome', ...open, description: 'What became of a dead letter' },
);
