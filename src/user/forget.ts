/** The endpoints of the user service for erasures. */
import type { Coordinator } from '../bus/erasure/coordinator.ts';
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
      description: 'Progress of an erasure by service, or of all erasures without an id',
      example: { erasure: '5f1c0a9be4d2738806aa41c7' },
      request: requests.erasure,
      handle: async ({ erasure }) =>
        erasure === undefined ? { erasures: await coordinator().list() } : coordinator().status(erasure),
    }),
  };
}
