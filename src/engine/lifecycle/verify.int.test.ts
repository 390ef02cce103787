/** Comparing the engine with its log, the model in memory included, while things happen to both. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silent } from '../../../test/support/counting.ts';
import { codec, outgoing, published, type TestEvent, viewed } from '../../../test/support/events.ts';
import { forgotten, KEY } from '../../../test/support/forgetting.ts';
import { tempDir } from '../../../test/support/tempdir.ts';
import { createMemoryLog, type MemoryLog } from '../../bus/log/memory.ts';
import type { Log } from '../../bus/log/port.ts';
import { withState } from '../../bus/projection/after-commit.ts';
import { openStore } from '../../bus/projection/store.ts';
import { verifyProjection } from '../../bus/projection/verify.ts';
import { completeConfig } from '../../config/load.ts';
import type { ModelFold } from '../fold/model-fold.ts';
import { engineRebuild, hashModel, type ModelHash } from './rebuild.ts';

const config = completeConfig({});

async function logOf(events: readonly TestEvent[]): Promise<MemoryLog> {
  const log = createMemoryLog();
  for (const event of events) await log.publish(outgoing(event));
  return log;
}

/** An engine that has folded the whole log. */
async function liveOf(log: MemoryLog, file: string) {
  const { definition, state, modelFold } = engineRebuild(config, KEY);
  const store = withState(openStore({ file, definition, codec, erasureKey: KEY }), state);
  const { created } = await log.info();
  const follow = (): void => {
    const { seq } = store.checkpoint();
    store.commit(
      log.messages().filter((message) => message.seq > seq),
      created,
    );
  };
  follow();
  return {
    store,
    follow,
    hash: () => hashModel((modelFold() as ModelFold).model, (modelFold() as ModelFold).position()),
  };
}

const history = Array.from({ length: 60 }, (_, i) => viewed(`u${i % 4}`, `i${(i * 7) % 10}`));
const events = [...Array.from({ length: 10 }, (_, i) => published(`i${i}`)), ...history];

it('begins again, with a model of its own, if an erasure comes in between', async () => {
  const folder = tempDir('verify-engine');
  const log = await logOf(events);
  const file = join(folder, 'engine.sqlite');
  const live = await liveOf(log, file);
  let reads = 0;
  const disturbed: Log = {
    ...log,
    read: async (...args) => {
      if (++reads === 1) {
        // After the position is known and before the log is read, so that the second fold no longer sees these events.
        await log.publish(outgoing(forgotten('u1', events.length)));
        log.purge(({ subject, seq }) => subject.startsWith('ev.user.u1.') && seq <= events.length);
      }
      return log.read(...args);
    },
    newest: async (subject) => {
      // The service folds the record a little later.
      if (reads > 0) live.follow();
      return log.newest(subject);
    },
  };
  const { definition, state, modelFold } = engineRebuild(config, KEY);
  // What was learned in the order of the log is another matter until the engine is rebuilt.
  const counted = (hash: ModelHash): ModelHash => ({ ...hash, state: '' });
  const verdict = await verifyProjection({
    file,
    definition,
    codec,
    log: disturbed,
    consumer: 'verify',
    logger: silent,
    scratch: folder,
    limits: { batchWaitMs: 1, backoffMinMs: 1 },
    erasureKey: KEY,
    memory: {
      state,
      hash: () => counted(hashModel((modelFold() as ModelFold).model, (modelFold() as ModelFold).position())),
      live: async () => counted(live.hash()),
      difference: async () => undefined,
    },
  });
  expect(reads).toBeGreaterThan(1);
  expect(verdict.seq).toBe(events.length + 1);
  expect(verdict).toMatchObject({ rebuilt: verdict.live });
  live.store.close();
});
