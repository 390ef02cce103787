/** The status of every instance of a service, of those that run and of those that should. */
import type { NatsConnection } from 'nats';
import { call } from '../nats/micro.ts';
import type { ServiceName } from '../projection/definition.ts';
import type { ServiceStatus } from './description.ts';
import { type Instances, SHADOW } from './instances.ts';

/** Why a service does not go on, in its status. */
export interface Trouble {
  code: string;
  message: string;
  next?: string;
}

export type StatusAnswer = ServiceStatus & { trouble?: Trouble };

export interface InstanceStatus<Answer> {
  instance: string;
  /** Undefined: the instance has a consumer, and does not answer. */
  answer: Answer | undefined;
}

/**
 * The instances of a service, at least one; without the shadow of the engine. An instance that answers comes first.
 *
 * @param timeoutMs milliseconds that an instance has to answer
 */
export async function statusesOf<Answer extends StatusAnswer = StatusAnswer>(
  nc: NatsConnection,
  instances: Instances,
  service: ServiceName,
  timeoutMs: number,
): Promise<InstanceStatus<Answer>[]> {
  const ask = (subject: string): Promise<Answer | undefined> =>
    call<Answer>(nc, subject, {}, { timeoutMs }).catch(() => undefined);
  const { answers, silent } = await instances.of(service);
  const known = new Set([service, ...answers.map(({ instance }) => instance).sort(), ...silent]);
  const names = [...known].filter((name) => name !== SHADOW.consumer);
  const all = await Promise.all(
    names.map(async (instance) => ({ instance, answer: await ask(`freshet.${service}.status.${instance}`) })),
  );
  const answering = all.find(({ answer }) => answer);
  if (answering) return [answering, ...all.filter((one) => one !== answering)];
  // An instance of an earlier release has no subject of its own.
  return [{ instance: service, answer: await ask(`freshet.${service}.status`) }, ...all.slice(1)];
}
