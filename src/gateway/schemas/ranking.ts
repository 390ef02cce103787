/** Ranked lists, one answer at a time or as a stream. */
import { Type } from 'typebox';
import { Behind, ListedFields, OrNull, open, Seq, Warnings } from './members.ts';

export const Ranking = Type.Object(
  {
    user: Type.Optional(Type.String({ examples: ['u42'] })),
    item: Type.Optional(Type.String({ description: 'with similar items: the item of the request' })),
    list: Type.String({
      description: 'id of this list; feedback and interactions name it',
      examples: ['l_Zm9vYmFyYmF6cXV4'],
    }),
    items: Type.Array(
      Type.Object(
        {
          item: Type.String({ examples: ['i7'] }),
          score: Type.Number({ examples: [1.25] }),
          propensity: Type.Optional(
            Type.Number({ description: 'if places may explore: the probability of this item at its place' }),
          ),
          explored: Type.Optional(
            Type.Boolean({ description: 'true if the item is there because its place explored' }),
          ),
          fields: ListedFields,
          reasons: Type.Optional(
            Type.Array(
              Type.Object(
                {
                  signal: Type.String(),
                  contribution: Type.Number(),
                  says: Type.Optional(Type.String({ description: 'the term in words' })),
                },
                open,
              ),
              {
                description:
                  'with explain: the terms that add up to the score. The nine largest in words, those of one item of the history as one, then `rest`, the sum of the others; with explain=full each term',
              },
            ),
          ),
        },
        open,
      ),
      { description: 'best first' },
    ),
    snapshot: Type.String({ description: 'snapshot in force, or none' }),
    seq: Seq('log position of the state that the list was computed from'),
    behind: Behind,
    config: Type.String({ description: 'hash of the engine’s settings' }),
    source: Type.String({
      description: 'what most of the list comes from',
      examples: ['model', 'content', 'popular'],
    }),
    arm: Type.Optional(
      Type.String({
        description:
          'EXPERIMENT/ARM of the running experiment, or main; `stored` for a stored list that is not the one of the arm of the user',
        examples: ['main'],
      }),
    ),
    next: OrNull(Type.String(), 'cursor of the page after this one; null after the last one'),
    warnings: Warnings,
    stored: Type.Optional(
      Type.Boolean({
        description:
          'true if no engine answered: the list is the newest one that an engine has put into KV, and may be old. For a user without one it is that of trending items. Left out otherwise',
      }),
    ),
    served: Type.Optional(
      OrNull(
        Type.Integer(),
        'with served: log position of the event that reports the list; null if sampling left the list out, or if the log did not acknowledge the event within http.served_timeout_ms',
      ),
    ),
  },
  { $id: 'Ranking', ...open, description: 'A ranked list' },
);

export const Rankings = Type.Object(
  {
    answers: Type.Array(
      Type.Object(
        {
          user: Type.String({ examples: ['u42'] }),
          ranking: Type.Optional(Type.Ref('Ranking#')),
          problem: Type.Optional(Type.Ref('Problem#')),
        },
        { ...open, description: 'ranking, or problem if this user has no answer' },
      ),
      { description: 'in the order of the request' },
    ),
  },
  { $id: 'Rankings', ...open, description: 'The lists of several users' },
);

export const RankingStream = Type.String({
  $id: 'RankingStream',
  description: 'Server-sent events named `ranking`; the data is a list, the id its place in the stream',
  examples: ['id: 4711.Zm9vYmFyYmF6\nevent: ranking\ndata: {"user":"u42","items":[]}\n\n'],
});

export const WhatIf = Type.Intersect(
  [
    Type.Ref('Ranking#'),
    Type.Object({
      what_if: Type.Object(
        {
          history: Type.Integer({ description: 'items of the history that both lists start from' }),
          more: Type.Boolean({ description: 'whether the user has earlier interactions, which neither list counts' }),
          added: Type.Integer(),
          left_out: Type.Integer({ description: 'interactions of the history that were left out' }),
          not_found: Type.Object(
            { items: Type.Array(Type.String()), seqs: Type.Array(Type.Integer()) },
            { ...open, description: 'what the request leaves out and the history does not hold' },
          ),
        },
        open,
      ),
      unchanged: Type.Ref('Ranking#'),
    }),
  ],
  { $id: 'WhatIf', description: 'The list for the changed history, and the one for the history as it is' },
);

export const PastStream = Type.String({
  $id: 'PastStream',
  description:
    'Server-sent events: `progress` with `{"done": …, "of": …}` in messages of the log, then one `list`, a Ranking, or one `problem`; the answer ends after it',
  examples: ['id: 1\nevent: progress\ndata: {"done":500,"of":1200}\n\n'],
});
