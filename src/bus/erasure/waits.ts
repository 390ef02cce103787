/** What an erasure that is under way waits for, in sentences. */
import type { Erasure } from './ledger.ts';

const many = (services: readonly { service: string }[]): string => services.map(({ service }) => service).join(', ');
const whole = (n: number): string => n.toLocaleString('en');

/** Empty once the erasure is done. */
export function waitsOf({ state, services, messages }: Pick<Erasure, 'state' | 'services' | 'messages'>): string[] {
  if (state === 'done') return [];
  const waits: string[] = [];
  if (state === 'recording') waits.push('The user service writes the record of the erasure to the log.');
  if (state === 'purging' && messages)
    waits.push(`nats-server has overwritten ${whole(messages.removed)} of about ${whole(messages.total)} messages.`);
  const down = services.flatMap((step) => step.down ?? []);
  if (down.length > 0)
    waits.push(
      `The erasure waits for ${down.join(', ')}, which ${down.length === 1 ? 'does' : 'do'} not answer. Start it again.`,
    );
  for (const name of down)
    if (/-(\d+|shadow)$/.test(name)) waits.push(`If ${name} is gone for good: freshet replica remove ${name}`);
  const answering = services.filter((step) => step.down === undefined || step.down.length === 0);
  const rows = answering.filter((step) => step.state === 'waiting');
  if (state === 'folding' && rows.length > 0) waits.push(`These services have yet to delete rows: ${many(rows)}.`);
  const inexact = answering.filter((step) => step.state === 'rows' || step.state === 'trained');
  if (state === 'rebuilding' && inexact.length > 0)
    waits.push(`These services rebuild what they cannot subtract exactly, or train again: ${many(inexact)}.`);
  if (state === 'rebuilding' && messages?.index_clean && services.every((step) => step.state === 'exact'))
    waits.push(
      `The erasure waits until ${messages.index_clean}, when nats-server has written its index of subjects again.`,
    );
  return waits;
}
