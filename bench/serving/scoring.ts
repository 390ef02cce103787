/** Scoring alone: the engine as it is at the end of the log, in this process, without other callers. */
import { userId } from '../../src/bus/event/ids.ts';
import { withPast } from '../../src/cli/past.ts';
import type { CliSession } from '../../src/cli/session.ts';
import type { Model } from '../../src/engine/model/mod.ts';

export interface ScoringOptions {
  /** Data folder of the engine, whose rows the model uses. */
  data: string;
  /** Position of the log. */
  seq: number;
  user: () => string;
  seconds: number;
}

/** Lists a second, of the same length as those of a service, with all that the engine has learned and trained. */
export function scoreAlone(session: CliSession, { data, seq, user, seconds }: ScoringOptions): Promise<number> {
  return withPast('engine', session, { data, seq, json: true }, async ({ engine }) => {
    const { model } = engine as { model: Model };
    const run = (ms: number): number => {
      const started = performance.now();
      let lists = 0;
      while (performance.now() - started < ms) {
        model.recommend({ user: userId(user()), n: session.config.engine.list_length });
        lists++;
      }
      return (lists * 1000) / (performance.now() - started);
    };
    // A warm-up, so that compilation does not enter the figures.
    run(500);
    return run(seconds * 1000);
  });
}
