/**
 * A list for a user whose history had other events. The engine ranks for a history of items in place of a user, so this is
 * the list for the changed history, and beside it the list for the unchanged one by the same method.
 */
import { RemoteProblemError } from '../bus/nats/problem.ts';
import type { HistoryAnswer } from '../user/api.ts';
import type { GatewayContext } from './context.ts';
import type { RequestOf } from './schemas/requests.ts';
import { requestService } from './service-request.ts';

export interface WhatIf {
  /** Items that both lists start from: those of the newest interactions of the user. */
  history: number;
  /** Whether the history has earlier interactions, which neither list counts. */
  more: boolean;
  added: number;
  left_out: number;
  /** Members of `leave_out` and `leave_out_seqs` that the history does not hold. */
  not_found: { items: string[]; seqs: number[] };
}

/** Throws what the services answer. */
export async function whatIf(context: GatewayContext, body: RequestOf<'whatIf'>): Promise<object> {
  const { user, add = [], leave_out = [], leave_out_seqs = [], min_seq, timeout_ms, ...criteria } = body;
  const { http, user: users } = context.config;
  const waits = { ...(min_seq === undefined ? {} : { min_seq }), ...(timeout_ms === undefined ? {} : { timeout_ms }) };
  const { events, next } = await historyOf(Math.min(users.history_max, http.list_max));
  const [items, seqs] = [new Set(leave_out), new Set(leave_out_seqs)];
  const kept = events.filter(({ item, seq }) => !items.has(item) && !seqs.has(seq));
  // Oldest first. The engine takes no longer history; the oldest items make room.
  const before = events.map(({ item }) => item).reverse();
  const after = [...kept.map(({ item }) => item).reverse(), ...add].slice(-http.list_max);
  const listOf = (history: string[]) =>
    requestService(context, 'freshet.engine.recommend', { ...criteria, ...waits, history }) as Promise<object>;
  const [list, unchanged] = await Promise.all([listOf(after), listOf(before)]);
  const held = { items: new Set(before), seqs: new Set(events.map(({ seq }) => seq)) };
  const what_if: WhatIf = {
    history: before.length,
    more: next !== null,
    added: add.length,
    left_out: events.length - kept.length,
    not_found: {
      items: leave_out.filter((item) => !held.items.has(item)),
      seqs: leave_out_seqs.filter((seq) => !held.seqs.has(seq)),
    },
  };
  // Neither has a next page: a cursor would not say which history.
  return { ...list, user, next: null, what_if, unchanged: { ...unchanged, user, next: null } };

  /** Empty for a user without events: a user that nobody knows may have a history, too. */
  async function historyOf(n: number): Promise<Pick<HistoryAnswer, 'events' | 'next'>> {
    try {
      return (await requestService(context, 'freshet.user.history', { user, n, ...waits })) as HistoryAnswer;
    } catch (err) {
      if (err instanceof RemoteProblemError && err.code === 'FRESHET_NOT_FOUND') return { events: [], next: null };
      throw err;
    }
  }
}
