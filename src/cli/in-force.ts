/** Waits until the engine answers under the settings that an act put in force. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
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

/** Milliseconds between two looks, and without any progress until it is given up. */
const LOOK_MS = 200;
const STALL_MS = 300_000;

export const engineState = (nc: NatsConnection): Promise<EngineState> =>
  call<EngineState>(nc, 'freshet.engine.status', {});

/** Throws `NotCaughtUpError` when nothing moves any more. */
export async function waitInForce(nc: NatsConnection, config: string, json: boolean | undefined): Promise<EngineState> {
  const progress = createProgress('folding under the other settings', 'messages', json);
  let moved = performance.now();
  let before = -1;
  try {
    for (;;) {
      const state = await engineState(nc).catch((err: unknown) => {
        // For a moment in which it begins again.
        if (err instanceof ServiceUnavailableError) return undefined;
        throw err;
      });
      if (state?.model.config === config && state.in_force.coming === null && state.state === 'ready') return state;
      const done = state?.rebuild?.done ?? 0;
      progress.update(done, state?.rebuild?.total ?? 0);
      if (done !== before) moved = performance.now();
      before = done;
      if (performance.now() - moved > STALL_MS)
        throw new NotCaughtUpError('The settings are in the log, and the engine has not come to them yet.', {
          next: 'freshet status; the engine’s log in the data folder says what holds it up',
        });
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  } finally {
    progress.end();
  }
}
