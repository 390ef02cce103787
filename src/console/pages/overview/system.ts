/** The answer of `GET /v1/system`, as far as the console reads it. */
export interface ServiceState {
  service: string;
  instance: string;
  state: string;
  seq: number;
  lag: number;
  dead_letters: number;
  fold_version?: string;
  version?: string;
  started?: string;
  trouble?: { code: string; message: string; next?: string };
  rebuild?: { seq?: number; of?: number } | null;
}

export interface Contender {
  hr: number;
  ndcg: number;
  mrr: number;
}

export interface System {
  at: string;
  version: string;
  ready: boolean;
  waiting: { service: string; state: string; detail?: string }[];
  missing: { kind: string; name: string; message: string; next: string }[];
  head: number;
  log: { first_seq: number; messages: number; created: string };
  services: ServiceState[];
  dead_letters: { count: number; open: number };
  rankings: { users: number; items: number; oldest_s: number } | null;
  snapshot: { id: string; seq: number; age_s: number; behind?: number } | null;
  training: {
    running: { kind: string } | null;
    last: { kind: string; seconds: number; backend: string; trained_at: number } | null;
    failed: number;
    due: boolean;
  } | null;
  model: { backend: string; users: number; items: number; events: number } | null;
  erasures: { open: number; overdue: number; next_deadline: string | null } | null;
  quality: {
    scored: number;
    windows: { size: number; events: number; model: Contender; popular: Contender; item_knn: Contender }[];
  } | null;
}

export interface Recent {
  every_s: number;
  since: string | null;
  samples: {
    at: string;
    head: number;
    events_per_s: number | null;
    lists_per_s: number | null;
    lag: Record<string, number | null>;
    hr: number | null;
    ndcg: number | null;
    popularity_hr: number | null;
    popularity_ndcg: number | null;
    item_knn_hr: number | null;
    item_knn_ndcg: number | null;
  }[];
}

/** Events that a service may lack for a moment while events arrive. */
const BRIEF_LAG = 1_000;

/** What the operator has to look at, in sentences; empty if all is well. */
export function concerns(system: System): string[] {
  const { waiting, missing, services, dead_letters: dead, erasures, training } = system;
  const found: string[] = [];
  for (const { service, state, detail } of waiting)
    found.push(`${service} is ${state}${detail === undefined ? '' : ` (${detail})`}.`);
  for (const { message, next } of missing) found.push(`${message} Next: ${next}`);
  for (const { service, trouble, state, lag } of services) {
    if (trouble) found.push(`${service}: ${trouble.message}${trouble.next ? ` Next: ${trouble.next}` : ''}`);
    if (state === 'ready' && lag > BRIEF_LAG) found.push(`${service} is ${lag} events behind the log.`);
  }
  if (dead.open > 0) found.push(`${dead.open} dead letter${dead.open === 1 ? ' waits' : 's wait'} for a decision.`);
  if (erasures && erasures.overdue > 0) found.push(`${erasures.overdue} erasures missed their deadline.`);
  if (training && training.failed > 0) found.push(`${training.failed} trainings failed since the engine started.`);
  return found;
}
