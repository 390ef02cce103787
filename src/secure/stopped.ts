/** Whether a nats-server runs on its address: what moves its files must know. */
import { connect } from 'node:net';
import { UsageError } from '../errors.ts';

/** Throws `UsageError` if a process listens on the address (`127.0.0.1:4222`). */
export async function refuseRunning(listen: string): Promise<void> {
  const [, host = '127.0.0.1', port = '4222'] = /^\[?(.*?)\]?:(\d+)$/.exec(listen) ?? [];
  const runs = await new Promise<boolean>((resolve) => {
    const socket = connect({ host: host === '0.0.0.0' || host === '' ? '127.0.0.1' : host, port: Number(port) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
  if (runs)
    throw new UsageError(
      `A process listens on ${listen}. If it is the nats-server of this log, its files must not move.`,
      {
        next: 'stop nats-server, or name another address with --listen',
        details: { listen },
      },
    );
}
