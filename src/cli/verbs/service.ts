import { Argument, Command } from 'commander';
import type { ServiceName } from '../../bus/projection/definition.ts';
import type { RunningService, ServiceEnvironment } from '../../bus/service/description.ts';
import { ensureFolder } from '../../bus/service/folder.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { createLogger } from '../../observability/log.ts';
import { DATA_FOLDER } from '../../up/runtime-file.ts';
import type { ChildMessage } from '../../up/up.ts';
import { report } from '../output.ts';
import { natsUrl } from '../session.ts';
import { port, positive } from '../values.ts';

type Start = (environment: ServiceEnvironment) => Promise<RunningService>;

// Each process loads the part that it is.
const STARTS: Readonly<Record<ServiceName, () => Promise<Start>>> = {
  user: async () => (await import('../../user/start.ts')).startUser,
  content: async () => (await import('../../content/start.ts')).startContent,
  feedback: async () => (await import('../../feedback/start.ts')).startFeedback,
  engine: async () => (await import('../../engine/start.ts')).startEngine,
};

interface ServiceVerbOptions {
  data: string;
  nats?: string;
  config?: string;
  healthPort: number;
  port: number;
  replica: number;
}

/** Milliseconds between two looks at a service's state, for whoever started it. */
const LOOK_MS = 50;

/** `freshet service`: one process of the system, as `up` starts them, or by itself. */
export const serviceVerb = (): Command =>
  new Command('service')
    .description('run one part of the system in this process, as `up` does')
    .addArgument(new Argument('<part>', 'which one').choices([...Object.keys(STARTS), 'gateway', 'demo']))
    .option('--data <dir>', 'folder of the projection', DATA_FOLDER)
    .option('--nats <url>', 'address of nats-server (default: $NATS_URL, then the running `freshet up`)')
    .option('--config <file>', 'settings')
    .option('--health-port <n>', 'port of /healthz, /readyz and /metrics; 0 for any free one', port, 0)
    .option('--port <n>', 'port of the gateway', port, 8080)
    .option(
      '--replica <n>',
      'number of this instance; from 2 on it has a projection and a consumer of its own',
      positive,
      1,
    )
    .action(run);

interface Running {
  stop(): Promise<void>;
}

async function run(part: string, options: ServiceVerbOptions): Promise<void> {
  // Under `up`, the end of the parent is the end of this process, also when the parent was killed.
  const tell = (message: ChildMessage): void => void process.send?.(message, () => {});
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
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, signal === 'SIGINT' && process.send ? () => {} : stop);
  process.on('disconnect', stop);
  try {
    const config = loadConfig({ file: options.config });
    const url = natsUrl(options);
    ensureFolder(options.data);
    const starting = startPart(part, { options, config, url, tell });
    // Who is stopped before it is up, as while it waits for a server, has nothing to put in order.
    running = await Promise.race([starting, ended.then(() => undefined)]);
    await ended;
  } catch (err) {
    const { code = 'FRESHET_INTERNAL', message, next } = err as Error & { code?: string; next?: string };
    tell({ type: 'failed', code, message, ...(next ? { next } : {}) });
    process.exitCode = report(err);
  }
  if (process.connected) process.disconnect();
  // Handles of libraries (timers of a connection that never came up) must not keep a stopped process alive.
  process.exit(process.exitCode ?? 0);
}

interface PartOptions {
  options: ServiceVerbOptions;
  config: Config;
  url: string;
  tell: (message: ChildMessage) => void;
}

async function startPart(part: string, { options, config, url, tell }: PartOptions): Promise<Running> {
  if (part === 'demo') {
    const logger = createLogger({ service: 'demo', level: config.log.level, redact: config.log.redact });
    const { startDemo } = await import('../../demo/run.ts');
    const demo = await startDemo({
      config,
      natsUrl: url,
      data: options.data,
      logger,
      onProgress: (progress) => tell({ type: 'demo', ...progress }),
    });
    demo.loaded.catch((err: unknown) => {
      logger.error({ err }, 'the demo data could not be loaded');
      process.exit(1);
    });
    return demo;
  }
  if (part === 'gateway') {
    const { startGateway } = await import('../../gateway/start.ts');
    const gateway = await startGateway({ config, natsUrl: url, port: options.port });
    tell({ type: 'started', health: gateway.url });
    const timer = setInterval(() => tell({ type: 'state', state: 'ready', seq: 0, lag: 0 }), 4 * LOOK_MS);
    return {
      stop: async () => {
        clearInterval(timer);
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
  tell({ type: 'started', health: service.healthUrl });
  const timer = process.send ? setInterval(() => tellState(service, tell), LOOK_MS) : undefined;
  return {
    stop: async () => {
      clearInterval(timer);
      await service.stop();
    },
  };
}

function tellState(service: RunningService, tell: (message: ChildMessage) => void): void {
  tell({ type: 'state', ...service.progress() });
}
