/** The end of a running system: what was asked is answered, then services go, and the server last. */
import { expect, it } from 'vitest';
import { startSystem } from '../support/system.ts';
import { until } from '../support/wait.ts';

it.each([
  ['SIGTERM', false],
  ['Ctrl-C, which reaches every process of a terminal', true],
])(
  'the end comes at %s with exit code 0, after what was asked has been answered',
  async (_how, terminal) => {
    const system = await startSystem({ args: ['--no-demo'], env: { FRESHET_HTTP_DRAIN_MS: '1000' }, terminal });
    const statuses = new Set<number>();
    let asked = 0;
    const asking = (async () => {
      // Until nobody is there.
      for (; ; asked++) {
        const answer = await fetch(`${system.http}/v1/users/u1/recommendations?max_age_ms=0`).catch(() => undefined);
        if (answer === undefined) return;
        statuses.add(answer.status);
        await answer.arrayBuffer().catch(() => {});
      }
    })();
    await until(() => asked > 0);
    expect(await (terminal ? system.interrupt() : system.stop())).toBe(0);
    await asking;
    expect([...statuses]).toEqual([200]);
    expect(system.said()).not.toContain('a process ended');
  },
  360_000,
);
