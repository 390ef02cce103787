/** The endpoints of the user service for erasures. */
import type { Coordinator } from '../bus/erasure/coordinator.ts';
import type { ErasureView } from '../bus/erasure/ledger.ts';
import { defineEndpoint, type Endpoint } from '../bus/nats/micro.ts';
import type { Config } from '../config/schema.ts';
import { userRequests } from './requests.ts';

export function forgetEndpoints(coordinator: () => Coordinator, config: Config): Record<string, Endpoint> {
  const requests = userRequests(config);
  return {
    forget: defineEndpoint({
      description: 'Erases a user and all linked sessions. Answers with the erasure, which continues in the background',
      example: { user: 'u42' },
      request: requests.forget,
      handle: ({ user }) => coordinator().forget(user),
    }),
    erasure: defineEndpoint({
      description:
        'Progress of an erasure by service. Without an id the list of erasures: all, or with n those that are open and the newest',
      example: { erasure: '5f1c0a9be4d2738806aa41c7' },
      request: requests.erasure,
      handle: async ({ erasure, n }) =>
        erasure === undefined ? listed(await coordinator().list(), n) : coordinator().status(erasure),
    }),
  };
}

/** @param all in the order of the requests */
function listed(all: readonly ErasureView[], n: number | undefined): object {
  if (n === undefined) return { erasures: all };
  const newest = [...all].reverse();
  const open = newest.filter(({ state }) => state !== 'done');
  const done = newest.filter(({ state }) => state === 'done');
  return {
    erasures: [...open, ...done].slice(0, n),
    open: open.length,
    overdue: open.filter(({ overdue }) => overdue).length,
    total: all.length,
  };
}
