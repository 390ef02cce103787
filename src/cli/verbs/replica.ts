import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { EVENTS } from '../../../streams.config.ts';
import { isNotFound } from '../../bus/nats/connection.ts';
import { SERVICES, type ServiceName } from '../../bus/projection/definition.ts';
import { createInstances, SHADOW } from '../../bus/service/instances.ts';
import { acquireLock } from '../../bus/service/lock.ts';
import { NotFoundError, ReplicaRunningError, UsageError } from '../../errors.ts';
import { note, print, printJson } from '../output.ts';
import { type CliSession, type CommonOptions, withCommon, withSession } from '../session.ts';

interface Removed {
  replica: string;
  /** Consumers of the log that the command deleted. */
  consumers: string[];
  /** Files that the command deleted in the data folder. */
  files: string[];
}

/** `freshet replica` */
export function replicaVerb(): Command {
  const verb = new Command('replica').description('manage replicas of services');
  verb.addCommand(
    withCommon(
      new Command('remove')
        .description('record that a replica is gone for good, so that erasures no longer wait for it')
        .argument('<name>', 'name of the replica: engine-2; of a shadow that died: engine-shadow')
        .addHelpText(
          'after',
          `
The command deletes the consumers of the replica, and its files if they are in the data folder. It cannot reach the
folder of a replica on another machine: delete that folder yourself, because it holds personal data. A replica that
starts again later reads the log from its checkpoint, or from the beginning.

Example:
  freshet replica remove engine-2`,
        ),
    ).action((name: string, options: CommonOptions) =>
      withSession(options, async (session) => {
        const removed = await remove(session, name, resolve(options.data));
        if (options.json) return printJson(removed);
        print(`Removed ${name}: ${removed.consumers.join(', ')}${removed.files.length > 0 ? ', and its files' : ''}.`);
        if (removed.files.length > 0) for (const file of removed.files) print(`  ${file}`);
        else
          note(`The data folder has no files of ${name}. If they are elsewhere, delete them: they hold personal data.`);
      }),
    ),
  );
  return verb;
}

async function remove({ nc }: CliSession, name: string, data: string): Promise<Removed> {
  const { service, consumers } = parse(name);
  const { answers } = await createInstances(nc).of(service);
  if (answers.some(({ instance }) => instance === name))
    throw new ReplicaRunningError(`The replica ${name} is running, so the command does not remove it.`, {
      next:
        name === SHADOW.consumer
          ? 'freshet shadow stop'
          : `stop the process of ${name}, then freshet replica remove ${name}`,
    });
  const files = filesOf(name, data);
  const { consumers: manager } = await nc.jetstreamManager({ checkAPI: false });
  const gone: string[] = [];
  for (const consumer of consumers) {
    try {
      if (await manager.delete(EVENTS.name, consumer)) gone.push(consumer);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
  if (gone.length === 0 && files.length === 0)
    throw new NotFoundError(`Freshet knows no replica ${JSON.stringify(name)}: it has no consumer of the log.`, {
      next: 'freshet status, which lists the replicas',
    });
  removeFiles(name, data, files);
  return { replica: name, consumers: gone, files };
}

/** Throws `UsageError` for the name of something else, such as the first instance of a service. */
function parse(name: string): { service: ServiceName; consumers: string[] } {
  if (name === SHADOW.consumer) return { service: SHADOW.service, consumers: [name] };
  const [, service, number] = /^([a-z]+)-(\d{1,6})$/.exec(name) ?? [];
  const found = SERVICES.find((one) => one === service);
  if (!found || Number(number) < 2)
    throw new UsageError(
      `${JSON.stringify(name)} is not the name of a replica. A replica has the name of its service and a number from 2 on.`,
      { next: 'freshet status, which lists the replicas' },
    );
  return {
    service: found,
    consumers: [`${service}-projection-${number}`, `${service}-next-${number}`, `${name}-rebuild`],
  };
}

const filesOf = (name: string, data: string): string[] =>
  existsSync(data)
    ? readdirSync(data)
        .filter((file) => file.startsWith(`${name}.`) && !/\.(lock|holder\.json)$/.test(file))
        .map((file) => join(data, file))
        .sort()
    : [];

/** Throws `InstanceLockedError` if a process still uses the files. */
function removeFiles(name: string, data: string, files: readonly string[]): void {
  if (files.length === 0) return;
  const locks = [name, `${name}.rebuild`].map((one) => acquireLock(join(data, one), `The ${name} instance in ${data}`));
  for (const file of files) rmSync(file, { force: true });
  for (const lock of locks) lock.release();
}
