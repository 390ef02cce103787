/** Schemas of requests to the feedback service, for its endpoint and for the gateway's route. */
import { freshness, request } from '../bus/nats/request-members.ts';
import type { Config } from '../config/schema.ts';

export const feedbackRequests = ({ http }: Pick<Config, 'http'>) => ({ summary: request(freshness(http)) });
