/** A service from parts that each have a life of their own. */

import { isObject } from '../../is-object.ts';
import type { Endpoint, Json } from '../nats/micro.ts';
import type { ServicePart, ServiceParts } from './description.ts';
import { stopAll } from './stop.ts';

/**
 * One record of several parts. They start in the order given and stop in reverse; effects run in the order given. Throws
 * if two parts have the same endpoint, or two of them are state followers.
 */
export function composeParts(parts: readonly ServicePart[]): ServiceParts {
  const endpoints: Record<string, Endpoint> = {};
  for (const part of parts)
    for (const [name, endpoint] of Object.entries(part.endpoints ?? {})) {
      if (name in endpoints) throw new TypeError(`two parts have an endpoint ${name}`);
      endpoints[name] = endpoint;
    }
  const states = parts.flatMap(({ state }) => state ?? []);
  if (states.length > 1) throw new TypeError('two parts are state followers');
  const backwards = [...parts].reverse();
  return {
    endpoints,
    state: states[0],
    effects: parts.flatMap(({ effects }) => effects ?? []),
    personalData: parts.flatMap(({ personalData }) => personalData ?? []),
    holdsRebuild: parts.find(({ holdsRebuild }) => holdsRebuild)?.holdsRebuild,
    madeAgain: async (name) => {
      for (const part of parts) await part.madeAgain?.(name);
    },
    refreshMetrics: () => {
      for (const part of parts) part.refreshMetrics?.();
    },
    status: () => parts.reduce<Json>((status, part) => merge(status, part.status?.() ?? {}), {}),
    start: () => {
      for (const part of parts) part.start?.();
    },
    stop: () => stopAll(backwards.map((part) => [`the part ${part.name}`, () => part.stop?.()])),
    stopped: () => stopAll(backwards.map((part) => [`the part ${part.name}`, () => part.stopped?.()])),
  };
}

/** Parts may contribute different members to one object of the status, such as `model`. */
function merge(one: Json, other: Json): Json {
  const merged: Json = { ...one };
  for (const [name, value] of Object.entries(other))
    merged[name] = isObject(merged[name]) && isObject(value) ? { ...(merged[name] as Json), ...value } : value;
  return merged;
}
