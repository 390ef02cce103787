import type { NatsConnection } from 'nats';
import pino, { type Logger } from 'pino';
import { afterEach, expect, it } from 'vitest';
import { LEASES } from '../../../streams.config.ts';
import { silent } from '../../../test/support/counting.ts';
import { useServices } from '../../../test/support/services.ts';
import { until } from '../../../test/support/wait.ts';
import { createLease, type Lease, type LeaseOptions } from './lease.ts';

const LAPSE_MS = 400;
const services = useServices('lease');
const leases: Lease[] = [];
afterEach(async () => {
  for (const lease of leases.splice(0)) await lease.stop();
});

interface Contender {
  lease: Lease;
  said: string[];
  ready: boolean;
  refuses: boolean;
}

interface Hooks extends Partial<Pick<LeaseOptions, 'onGained' | 'onLost' | 'logger'>> {
  connection?: NatsConnection;
}

function contend(
  holder: string,
  { connection = services.nc, onGained, onLost, logger = silent }: Hooks = {},
): Contender {
  const said: string[] = [];
  const contender: Contender = {
    said,
    ready: true,
    refuses: false,
    lease: createLease({
      nc: connection,
      key: 'work',
      holder,
      lapseMs: LAPSE_MS,
      ready: () => contender.ready,
      refuses: () => contender.refuses,
      onGained: () => {
        said.push('gained');
        return onGained?.();
      },
      onLost: () => {
        said.push('lost');
        return onLost?.();
      },
      logger,
    }),
  };
  leases.push(contender.lease);
  contender.lease.start();
  return contender;
}
const holder = async () => (await services.kvValue<{ holder: string }>(LEASES.name, 'work'))?.holder;

it('has one holder of many, and another as soon as the holder gives it back', async () => {
  const all = Array.from({ length: 5 }, (_, i) => contend(`c${i}`));
  await until(() => all.some(({ lease }) => lease.held()));
  const first = all.find(({ lease }) => lease.held()) as Contender;
  await until(async () => (await holder()) !== undefined);
  expect(all.filter(({ said }) => said.length > 0)).toEqual([first]);
  await first.lease.stop();
  expect(first.said).toEqual(['gained', 'lost']);
  await until(() => all.some((one) => one !== first && one.lease.held()), { within: 20_000 });
  expect(all.filter(({ said }) => said.includes('gained'))).toHaveLength(2);
});

it('passes to another process once its holder no longer renews it, and the old holder loses it', async () => {
  const connection = await services.server.connect();
  const first = contend('c1', { connection });
  await until(() => first.lease.held());
  // The holder is cut off from the server.
  await connection.close();
  const second = contend('c2');
  await until(() => second.lease.held(), { within: 20_000 });
  expect(await holder()).toBe('c2');
  await until(() => !first.lease.held(), { within: 20_000 });
  await until(() => first.said.includes('lost'), { within: 20_000 });
});

it('is taken at once by a process with its holder’s name, and by no process that is not ready', async () => {
  const kv = await services.nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  await kv.put('work', JSON.stringify({ holder: 'c1', pid: 1, beat: 1 }));
  const waiting = contend('c2');
  waiting.ready = false;
  const again = contend('c1');
  await until(() => again.lease.held());
  again.refuses = true;
  again.ready = false;
  await until(async () => (await holder()) === undefined);
  expect(again.said).toEqual(['gained', 'lost']);
  expect(waiting.said).toEqual([]);
  waiting.ready = true;
  await until(() => waiting.lease.held());
});

it('is lost to a holder of another name, also if both processes have the same id', async () => {
  const first = contend('c1');
  await until(() => first.lease.held());
  const kv = await services.nc.jetstream().views.kv(LEASES.name, { bindOnly: true });
  await kv.put('work', JSON.stringify({ holder: 'c2', pid: process.pid, beat: 1 }));
  await until(() => first.said.includes('lost'));
});

interface Line {
  msg: string;
  level: number;
  reason?: string;
}
function listen(): { logger: Logger; lines: Line[] } {
  const lines: Line[] = [];
  const logger = pino(
    { level: 'info' },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  ) as unknown as Logger;
  return { logger, lines };
}
const fails = (text: string) => (): Promise<void> => Promise.reject(new Error(text));

it('is given back by a holder that could not take over, and passes to another', async () => {
  const { logger, lines } = listen();
  const first = contend('c1', { onGained: fails('the rankings could not be read'), logger });
  await until(() => first.said.includes('gained'));
  expect(first.lease.held()).toBe(false);
  await until(() => first.said.includes('lost'));
  await until(async () => (await holder()) === undefined);
  const second = contend('c2');
  await until(() => second.lease.held());
  expect(await holder()).toBe('c2');
  expect(lines.filter(({ level, reason }) => level >= 40 && reason === 'the rankings could not be read')).not.toEqual(
    [],
  );
});

it('is taken again after a pause by a holder that could not take over the first time', async () => {
  let failures = 1;
  const only = contend('c1', {
    onGained: () => {
      if (failures-- > 0) throw new Error('not yet');
    },
  });
  await until(() => only.said.length === 3);
  expect(only.said).toEqual(['gained', 'lost', 'gained']);
  await until(() => only.lease.held());
});

it('is not held while its holder takes over, and is held as soon as that is done', async () => {
  let release = (): void => {};
  const only = contend('c1', { onGained: () => new Promise<void>((resolve) => (release = resolve)) });
  await until(() => only.said.includes('gained'));
  expect(only.lease.held()).toBe(false);
  release();
  await until(() => only.lease.held());
});

it('is lost by a holder whose take-over lasts longer than the lease, and passes to another', async () => {
  let release = (): void => {};
  const first = contend('c1', { onGained: () => new Promise<void>((resolve) => (release = resolve)) });
  await until(() => first.said.includes('gained'));
  const second = contend('c2');
  await until(() => second.lease.held(), { within: 20_000 });
  const seen: boolean[] = [];
  release();
  await until(() => {
    seen.push(first.lease.held());
    return first.said.includes('lost');
  });
  expect(seen).not.toContain(true);
  expect(await holder()).toBe('c2');
});

it('is given back, and its stop succeeds, even if its job cannot be ended', async () => {
  const { logger, lines } = listen();
  const first = contend('c1', { onLost: fails('the writer does not end'), logger });
  await until(() => first.lease.held());
  await first.lease.stop();
  expect(await holder()).toBeUndefined();
  expect(lines.filter(({ level, reason }) => level >= 40 && reason === 'the writer does not end')).not.toEqual([]);
});
