/**
 * The settings of a stream in nats-server, from 2.9.10 to 2.15: what one that is left out means, whether the server can
 * change it later (each tried on 2.15.1), and what a stream loses that keeps another value than Freshet's.
 */
import { DiscardPolicy, RetentionPolicy, StorageType } from 'nats';

/** A stream's settings as the server answers them. */
export type FoundSettings = Readonly<Record<string, unknown>>;

export interface Subject {
  /** Whether a stream in the narrower sense: programs beside Freshet publish into it. Buckets and stores are Freshet's alone. */
  open: boolean;
}

interface Setting {
  /** The value that the server means if it leaves the setting out. */
  unset?: unknown;
  /** The operator's choice: Freshet shows it, and changes nothing. */
  choice?: true;
  /** The server cannot change it after the creation: never, or only switch it on. */
  fixed?: 'always' | 'once on';
  /** What a stream loses that keeps this value; undefined if it may keep it. */
  hazard?: Hazard;
}

type Hazard = (found: unknown, wanted: unknown, settings: FoundSettings, subject: Subject) => string | undefined;

export const limitOf = (value: unknown): number =>
  typeof value === 'number' && value > 0 ? value : Number.POSITIVE_INFINITY;

/** A full stream that refuses new messages loses none: the publisher gets an error. */
const overLimit =
  (refuses: (settings: FoundSettings) => boolean): Hazard =>
  (found, wanted, settings) =>
    limitOf(found) < limitOf(wanted) && !refuses(settings)
      ? 'the server deletes messages over this limit when new ones come'
      : undefined;
const discardsNew = ({ discard }: FoundSettings): boolean => discard === DiscardPolicy.New;

const loss = (text: string) => (): string => text;
/** For streams into which other programs publish: a header of theirs would have this effect. */
const byHeader =
  (text: string): Hazard =>
  (found, _wanted, _settings, { open }) =>
    open && !isIdle(found) ? text : undefined;

export const SETTINGS: Readonly<Record<string, Setting>> = {
  name: {},
  description: { unset: '' },
  subjects: {
    unset: [],
    hazard: (found, wanted) => {
      const missing = (wanted as string[]).filter((subject) => !(found as string[]).includes(subject));
      return missing.length > 0 ? `the stream does not store all messages on ${missing.join(', ')}` : undefined;
    },
  },
  retention: {
    unset: RetentionPolicy.Limits,
    fixed: 'always',
    hazard: loss('the server deletes messages after a reader has read them'),
  },
  storage: {
    unset: StorageType.File,
    fixed: 'always',
    hazard: (found) => (found === StorageType.Memory ? 'all messages are lost when the server stops' : undefined),
  },
  max_age: { unset: 0, hazard: overLimit(() => false) },
  max_bytes: { unset: -1, hazard: overLimit(discardsNew) },
  max_msgs: { unset: -1, hazard: overLimit(discardsNew) },
  max_msgs_per_subject: {
    unset: -1,
    hazard: overLimit((settings) => discardsNew(settings) && settings.discard_new_per_subject === true),
  },
  max_msg_size: { unset: -1 },
  max_consumers: { unset: -1 },
  consumer_limits: { unset: {} },
  duplicate_window: { unset: 0 },
  discard: { unset: DiscardPolicy.Old },
  discard_new_per_subject: {
    unset: false,
    hazard: (_found, _wanted, { max_msgs_per_subject }) =>
      limitOf(max_msgs_per_subject) < Number.POSITIVE_INFINITY
        ? 'the server refuses a message on a subject that is at its limit'
        : undefined,
  },
  no_ack: {
    unset: false,
    hazard: loss('the server acknowledges nothing, so no publisher learns whether its message is stored'),
  },
  sealed: { unset: false, fixed: 'once on', hazard: loss('the stream takes no more messages') },
  deny_delete: { unset: false, fixed: 'always' },
  deny_purge: { unset: false, fixed: 'always' },
  allow_rollup_hdrs: {
    unset: false,
    hazard: byHeader('a publisher can remove all earlier messages of a subject with the header Nats-Rollup'),
  },
  allow_direct: { unset: false },
  mirror_direct: { unset: false },
  persist_mode: {
    unset: 'default',
    fixed: 'always',
    hazard: (found) =>
      found === 'async'
        ? 'the server acknowledges messages before they are on the disk, and a power cut loses them'
        : undefined,
  },
  allow_msg_ttl: {
    unset: false,
    fixed: 'once on',
    hazard: byHeader('the server deletes a message after the time that its publisher set with the header Nats-TTL'),
  },
  subject_delete_marker_ttl: {
    unset: 0,
    hazard: byHeader('the server writes messages of its own into the stream'),
  },
  allow_msg_schedules: {
    unset: false,
    fixed: 'once on',
    hazard: byHeader('the server deletes a message that its publisher scheduled with the header Nats-Schedule'),
  },
  allow_msg_counter: {
    unset: false,
    fixed: 'always',
    hazard: loss('the stream takes counters only, and refuses all other messages'),
  },
  allow_atomic: { unset: false },
  allow_batched: { unset: false },
  republish: { unset: null },
  subject_transform: { unset: null, hazard: loss('the stream stores messages under other subjects') },
  mirror: { unset: null, hazard: loss('the stream copies another one, and takes no messages of publishers') },
  sources: { unset: [] },
  num_replicas: { unset: 1, choice: true },
  placement: { unset: null, choice: true },
  compression: { unset: 'none', choice: true },
  first_seq: { unset: 0, choice: true },
  metadata: { unset: {}, choice: true },
};

export const isUnknown = (setting: string): boolean => SETTINGS[setting] === undefined;

/** Metadata that the server itself adds, from 2.11 on. */
const OF_SERVER = /^_nats\./;

/** A value in a form that can be compared: without order of lists, and with the default of a setting left out. */
export function comparable(setting: string, value: unknown): unknown {
  if (value === undefined || value === null) return SETTINGS[setting]?.unset ?? null;
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? [...value].sort() : value;
  if (setting === 'max_msgs_per_subject' && value === 0) return -1;
  if (setting === 'metadata')
    return Object.fromEntries(Object.entries(value as object).filter(([name]) => !OF_SERVER.test(name)));
  return value;
}

/** Whether the value of a setting that this release does not know is that of a server that does not use it. */
export const isIdle = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === false ||
  value === 0 ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);
