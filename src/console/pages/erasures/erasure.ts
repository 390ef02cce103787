/** The erasure of a user, as the gateway answers it. It does not name the user. */
export interface Erasure {
  erasure: string;
  requested: string;
  state: 'recording' | 'purging' | 'folding' | 'rebuilding' | 'done';
  deadline: string;
  overdue: boolean;
  done: string | null;
  messages?: { removed: number; total: number; index_clean: string | null };
  services: { service: string; state: 'waiting' | 'rows' | 'trained' | 'exact'; at: string | null; down?: string[] }[];
}

const STEPS: Readonly<Record<Erasure['services'][number]['state'], string>> = {
  waiting: 'has not deleted its rows yet',
  rows: 'has deleted its rows, and is not exact yet',
  trained: 'has trained anew, and is not exact yet',
  exact: 'is exact',
};

/** What an erasure waits for, in sentences; empty once it is done. */
export function waitsFor({ state, messages, services }: Erasure): string[] {
  if (state === 'done') return [];
  const found: string[] = [];
  if (messages && messages.removed < messages.total)
    found.push(`The log: ${messages.removed} of ${messages.total} messages are overwritten.`);
  else if (messages && messages.index_clean === null) found.push('nats-server: its index still holds the user.');
  for (const { service, state: step, down } of services) {
    if (down && down.length > 0)
      found.push(`${service}: ${down.join(', ')} does not answer. Start it again, or remove it.`);
    else if (step !== 'exact') found.push(`${service} ${STEPS[step]}.`);
  }
  return found;
}
