import { Argument, Command } from 'commander';
import { accessVariables } from '../../bus/nats/access.ts';
import { createPoller } from '../../bus/nats/poller.ts';
import type { ServiceName } from '../../bus/projection/definition.ts';
import type { RunningService, ServiceEnvironment } from '../../bus/service/description.ts';
import { ensureFolder } from '../../bus/service/folder.ts';
import type { Config } from '../../config/schema.ts';
import { createLogger } from '../../observability/log.ts';
import { DATA_FOLDER } from '../../up/runtime-file.ts';
import type { ChildMessage } from '../../up/up.ts';
import { report } from '../output.ts';
import { findServer, type ServerOptions, withServer } from '../session.ts';
import { port, positive } from '../values.ts';

type Start = (environment: ServiceEnvironment) => Promise<RunningService>;

// Each process imports only its own part.
const STARTS: Readonly<Record<ServiceName, () => Promise<Start>>> = {
  user: async () => (await import('../../user/start.ts')).startUser,
  content: async () => (await import('../../content/start.ts')).startContent,
  feedback: async () => (await import('../../feedback/start.ts')).startFeedback,
  engine: async () => (await import('../../engine/start.ts')).startEngine,
};

interface ServiceVerbOptions extends ServerOptions {
  healthPort: number;
  port: number;
  replica: number;
}

/** Milliseconds between two reports of a service's state to its parent process. */
const REPORT_MS = 50;

/** `freshet service`: one process of the system. `freshet up` starts them; an operator may start one alone. */
export const serviceVerb = (): Command =>
  withServer(new Command('service').description('run one part of the system in this process'))
    .addArgument(new Argument('<part>', 'the part to run').choices([...Object.keys(STARTS), 'gateway', 'demo']))
    .option('--data <dir>', 'folder of the projection', DATA_FOLDER)
    .option('--config <file>', 'file of settings (default: $FRESHET_CONFIG, then freshet.config.json)')
    .option('--health-port <n>', 'port of /healthz, /readyz and /metrics; 0 for any free one', port, 0)
    .option('--port <n>', 'port of the gateway', port, 8080)
    .option(
      '--replica <n>',
      'number of this instance; replicas from 2 on have their own projection and consumer',
      positive,
      1,
    )
    .action(run);

interface Running {
  stop(): Promise<void>;
}

async function run(part: string, options: ServiceVerbOptions): Promise<void> {
  // Under `freshet up`, this process ends with its parent, even if somebody kills the parent.
  const send = (message: ChildMessage): void => void process.send?.(message, () => {});
  let running: Running | undefined;
  let stopping = false;
  let end!: () => void;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void (running?.stop() ?? Promise.resolve()).finally(end);
  };
  // Under `freshet up`, signals of the terminal are for the parent, which stops its processes in their order.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, signal !== 'SIGTERM' && process.send ? () => {} : stop);
  process.on('disconnect', stop);
  try {
    const { config, url } = findServer(options);
    // A rebuild is a process of its own and needs the same identity.
    Object.assign(process.env, accessVariables(config));
    ensureFolder(options.data);
    const starting = startPart(part, { options, config, url, send });
    // A part that is stopped before it has started, such as while it waits for a server, has nothing to clean up.
    running = await Promise.race([starting, ended.then(() => undefined)]);
    await ended;
  } catch (err) {
    const { code = 'FRESHET_INTERNAL', message, next } = err as Error & { code?: string; next?: string };
    send({ type: 'failed', code, message, ...(next ? { next } : {}) });
    process.exitCode = report(err);
  }
  if (process.connected) process.disconnect();
  // Open handles of libraries (timers of a failed connection) must not keep a stopped process alive.
  process.exit(process.exitCode ?? 0);
}

interface PartOptions {
  options: ServiceVerbOptions;
  config: Config;
  url: string;
  send: (message: ChildMessage) => void;
}

async function startPart(part: string, { options, config, url, send }: PartOptions): Promise<Running> {
  if (part === 'demo') {
    const logger = createLogger({ service: 'demo', level: config.log.level, redact: config.log.redact });
    const { startDemo } = await import('../../demo/run.ts');
    const demo = await startDemo({
      config,
      natsUrl: url,
      data: options.data,
      logger,
      onProgress: (progress) => send({ type: 'demo', ...progress }),
    });
    demo.loaded.catch((err: unknown) => {
      logger.error({ err }, 'the demo failed to publish its data');
      process.exit(1);
    });
    return demo;
  }
  if (part === 'gateway') {
    const [{ startGateway }, { CONNECTING }] = await Promise.all([
      import('../../gateway/start.ts'),
      import('../../gateway/link.ts'),
    ]);
    const gateway = await startGateway({ config, natsUrl: url, port: options.port, data: options.data });
    send({ type: 'started', health: gateway.url });
    let said: string | undefined;
    const reports = createPoller({
      everyMs: REPORT_MS,
      run: () => {
        const trouble = gateway.trouble();
        // A gateway that is not connected answers each request with 503.
        send({ type: 'state', state: trouble === undefined ? 'ready' : 'down', seq: 0, lag: 0 });
        if (trouble === said) return;
        said = trouble;
        if (trouble !== undefined && trouble !== CONNECTING)
          send({
            type: 'failed',
            code: 'FRESHET_NATS_UNREACHABLE',
            message: `The gateway cannot use the log: ${trouble}.`,
            next: 'freshet status',
          });
      },
    });
    reports.start();
    return {
      stop: async () => {
        await reports.stop();
        await gateway.stop();
      },
    };
  }
  const start = await STARTS[part as ServiceName]();
  const service = await start({
    config,
    natsUrl: url,
    data: options.data,
    healthPort: options.healthPort,
    replica: options.replica,
  });
  send({ type: 'started', health: service.healthUrl });
  const reports = createPoller({ everyMs: REPORT_MS, run: () => send({ type: 'state', ...service.progress() }) });
  if (process.send) reports.start();
  return {
    stop: async () => {
      await reports.stop();
      await service.stop();
    },
  };
}
