/**
 * Exports all personal data of a user in chunks: the rows and the model of each service, the ranking in KV, and the
 * events in the log. Each chunk names the next one, and the service keeps nothing between two chunks.
 */
import type { Database } from 'better-sqlite3';
import type { NatsConnection } from 'nats';
import { RANKINGS } from '../../streams.config.ts';
import { encodeToken } from '../bus/event/ids.ts';
import { call, defineEndpoint, type Endpoint, type Json } from '../bus/nats/micro.ts';
import { SERVICES, type ServiceName } from '../bus/projection/definition.ts';
import type { PersonalDataPage, PersonalDataRecord } from '../bus/projection/personal-data.ts';
import { prepareSaidLinks, prepareSessionLinks } from '../bus/projection/session-links.ts';
import type { Config } from '../config/schema.ts';
import { BadRequestError, NotFoundError } from '../errors.ts';
import { eventsOf } from './log-events.ts';
import { userRequests } from './requests.ts';

export interface ExportChunk {
  user: string;
  /** The id of the user, then the ids of the linked sessions. */
  ids: string[];
  /** The service with these records. `log` for the events in the log. */
  service: ServiceName | 'log';
  part: string;
  /** Sequence of the log up to which the service had folded. */
  seq: number;
  records: PersonalDataRecord[];
  /** Cursor of the next chunk; null for the last chunk. */
  next: string | null;
}

/** Where a chunk begins. */
interface Place {
  service: ExportChunk['service'];
  part: string;
  id: string;
  after: string | number | null;
  /** Each service answers once it has folded this sequence. */
  min: number;
}

/** Records per request, and bytes of JSON at which a chunk is full. */
const PAGE = 1_000;
const CHUNK_BYTES = 262_144;
/** The ranking in KV, which the export lists as the last part of the engine. */
const RANKING = 'ranking';
const EVENTS_PART = 'events';

type PersonalDataAnswer = PersonalDataPage & { seq: number; parts: string[] };

export function exportEndpoints(db: Database, nc: NatsConnection, config: Config): Record<string, Endpoint> {
  const links = prepareSessionLinks(db);
  const said = prepareSaidLinks(db);
  const known = db.prepare<[string, string], { n: number }>(
    'SELECT EXISTS (SELECT 1 FROM profile WHERE user = ?) + EXISTS (SELECT 1 FROM person WHERE user = ?) AS n',
  );

  function idsOf(id: string): string[] {
    const user = links.ownerOf(id);
    if ((known.get(user, user) as { n: number }).n === 0)
      throw new NotFoundError(
        `The log has no event of user ${JSON.stringify(id)}, so Freshet has no personal data of the user.`,
        {
          next: 'check the id; freshet status shows whether the user service has caught up',
          details: { user: id },
        },
      );
    return [user, ...said.sessionsOf(user).sort()];
  }

  async function personalData(service: ServiceName, request: Json): Promise<PersonalDataAnswer> {
    const answer = await call<PersonalDataAnswer>(nc, `freshet.${service}.held`, request);
    return service === 'engine' ? { ...answer, parts: [...answer.parts, RANKING] } : answer;
  }

  async function page({ service, part, id, after }: Place): Promise<PersonalDataPage> {
    if (service === 'log') return eventsOf(nc, id, after as number | string | null);
    if (part === RANKING) return { records: await ranking(id), next: null };
    return personalData(service, { user: id, part, after, n: PAGE });
  }

  async function ranking(id: string): Promise<PersonalDataRecord[]> {
    const kv = await nc.jetstream().views.kv(RANKINGS.name, { bindOnly: true });
    const entry = await kv.get(`user.${encodeToken(id)}`);
    return entry?.operation === 'PUT'
      ? [{ written: entry.created.toISOString(), ...entry.json<PersonalDataRecord>() }]
      : [];
  }

  /** The part after this one. Undefined after the last part. */
  async function partAfter(
    service: ServiceName,
    part: string,
    parts: string[],
  ): Promise<Pick<Place, 'service' | 'part'> | undefined> {
    const next = parts[parts.indexOf(part) + 1];
    if (next !== undefined) return { service, part: next };
    const following = SERVICES[SERVICES.indexOf(service) + 1];
    if (following === undefined) return { service: 'log', part: EVENTS_PART };
    return { service: following, part: (await personalData(following, {})).parts[0] as string };
  }

  async function chunk(user: string, begun: Place | undefined, min: number): Promise<ExportChunk> {
    const ids = idsOf(user);
    const first = ids[0] as string;
    const of = { user: first, ids };
    const start: Place = begun ?? {
      service: 'user',
      part: (await personalData('user', {})).parts[0] as string,
      id: first,
      after: null,
      min,
    };
    const { service, part } = start;
    const at = service === 'log' ? undefined : await personalData(service, { min_seq: start.min });
    let place: Place | undefined = start;
    const records: PersonalDataRecord[] = [];
    for (let bytes = 0; place !== undefined && bytes < CHUNK_BYTES; ) {
      const found: PersonalDataPage = await page(place);
      records.push(...found.records);
      bytes += JSON.stringify(found.records).length;
      const id: string | undefined = found.next === null ? ids[ids.indexOf(place.id) + 1] : place.id;
      place = id === undefined ? undefined : { ...place, id, after: found.next };
    }
    const seq = at?.seq ?? 0;
    if (place !== undefined) return { ...of, service, part, seq, records, next: textOf(place) };
    const rest = service === 'log' ? undefined : await partAfter(service, part, at?.parts ?? []);
    const next = rest && textOf({ ...rest, id: first, after: null, min: start.min });
    return { ...of, service, part, seq, records, next: next ?? null };
  }

  return {
    export: defineEndpoint({
      ...EXPORT,
      request: userRequests(config).export,
      handle: ({ user, cursor, min_seq = 0 }) =>
        chunk(user, cursor === undefined ? undefined : parsePlace(cursor), min_seq),
    }),
  };
}

/** The documentation of the endpoint. */
export const EXPORT = {
  description:
    'All personal data of a user, by service, then the events of the user in the log, in chunks: next is the cursor of the next chunk',
  example: { user: 'u42' },
} as const;

const textOf = (place: Place): string => Buffer.from(JSON.stringify(place)).toString('base64url');

function parsePlace(cursor: string): Place {
  try {
    const place = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as Place;
    const { service, part, id, min } = place;
    const known = service === 'log' || SERVICES.includes(service);
    if (known && typeof part === 'string' && typeof id === 'string' && Number.isSafeInteger(min)) return place;
  } catch {
    // falls through to the error below
  }
  throw new BadRequestError('The cursor is not valid.', {
    next: 'send the value of next from the previous chunk; omit cursor for the first chunk',
    details: { member: 'cursor' },
  });
}
