/** Waits until the engine answers under the settings that a promotion or a rollback put in force. */

import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import { pollUntil } from '../bus/nats/poll-until.ts';
import type { InForceView } from '../engine/lifecycle/rollback.ts';
import { NotCaughtUpError, ServiceUnavailableError } from '../errors.ts';
import { createProgress } from './progress.ts';

export interface EngineState {
  state: string;
  seq: number;
  lag: number;
  model: { config: string; snapshot: string | null };
  in_force: InForceView;
  rebuild?: { done: number; total: number };
}

/** Milliseconds between two polls. */
const POLL_MS = 200;
/** Milliseconds without progress after which the command gives up. */
const STALL_MS = 300_000;

export const engineState = (nc: NatsConnection): Promise<EngineState> =>
  call<EngineState>(nc, 'freshet.engine.status', {});

/** Throws `NotCaughtUpError` when the engine makes no progress for {@link STALL_MS}. */
export async function waitInForce(nc: NatsConnection, config: string, json: boolean | undefined): Promise<EngineState> {
  const progress = createProgress('the engine folds the log under the new settings', 'messages', json);
  let moved = performance.now();
  let before = -1;
  try {
    return await pollUntil(POLL_MS, async () => {
      const state = await engineState(nc).catch((err: unknown) => {
        // The engine does not answer for a moment while it cuts over.
        if (err instanceof ServiceUnavailableError) return undefined;
        throw err;
      });
      if (state?.model.config === config && state.in_force.coming === null && state.state === 'ready') return state;
      const done = state?.rebuild?.done ?? 0;
      progress.update(done, state?.rebuild?.total ?? 0);
      if (done !== before) moved = performance.now();
      before = done;
      if (performance.now() - moved > STALL_MS)
        throw new NotCaughtUpError(
          `The log holds the new settings, and the engine has made no progress towards them for ${STALL_MS / 1000} s.`,
          { next: 'freshet status, and read logs/engine.log in the data folder' },
        );
      return undefined;
    });
  } finally {
    progress.end();
  }
}
