/** Lists over HTTP while something else goes on: each caller sends its next request after the answer to the last. */
import { Agent, request } from 'node:http';
import type { HttpRequest } from '../load/drive.ts';
import { type Latency, latencyOf } from '../load/latency.ts';
import { median } from './summary.ts';

/** Milliseconds after which a request without an answer counts as failed. */
const ANSWER_MS = 60_000;

export interface Asked {
  perSecond: number;
  latency: Latency;
  failed: number;
  /** Median of the events that the answers lack; undefined if the answers of this tree do not say it. */
  behind: number | undefined;
}

/** Asks until the work has ended. */
export async function askWhile<T>(
  { url, callers, next }: { url: string; callers: number; next: () => HttpRequest },
  work: () => Promise<T>,
): Promise<{ asked: Asked; done: T }> {
  const agent = new Agent({ keepAlive: true, maxSockets: callers });
  const { hostname, port } = new URL(url);
  const latencies: number[] = [];
  const behind: number[] = [];
  let failed = 0;
  let ended = false;

  const ask = (): Promise<string | undefined> =>
    new Promise((resolve) => {
      const sent = request({ hostname, port, agent, timeout: ANSWER_MS, ...next() }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        answer.once('end', () => resolve(answer.statusCode === 200 ? body : undefined));
        answer.once('error', () => resolve(undefined));
      });
      sent.once('timeout', () => sent.destroy());
      sent.once('error', () => resolve(undefined));
      sent.once('close', () => resolve(undefined));
      sent.end();
    });

  async function caller(): Promise<void> {
    while (!ended) {
      const at = performance.now();
      const body = await ask();
      if (body === undefined) {
        failed++;
        continue;
      }
      latencies.push(performance.now() - at);
      const lacks = /"behind":(\d+)/.exec(body);
      if (lacks) behind.push(Number(lacks[1]));
    }
  }

  const started = performance.now();
  const asking = Promise.all(Array.from({ length: callers }, caller));
  try {
    const done = await work();
    const seconds = (performance.now() - started) / 1_000;
    const answered = latencies.length;
    ended = true;
    await asking;
    return {
      done,
      asked: {
        perSecond: answered / seconds,
        latency: latencyOf(latencies),
        failed,
        behind: median(behind) ?? undefined,
      },
    };
  } finally {
    ended = true;
    await asking;
    agent.destroy();
  }
}
