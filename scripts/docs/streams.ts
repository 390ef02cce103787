import { BACKUP, type Definition, STREAMS } from '../../streams.config.ts';
import { code, generatedFrom, page, table } from './markdown.ts';

const time = (ms: number): string =>
  ms === 0
    ? 'for good'
    : ms % 86_400_000 === 0
      ? `${ms / 86_400_000} days`
      : ms % 60_000 === 0
        ? `${ms / 60_000} minutes`
        : `${ms} ms`;
const bytes = (n: number): string => (n < 0 ? 'without limit' : `${n / 1024 / 1024} MiB`);

const ofKind = <K extends Definition['kind']>(kind: K): Extract<Definition, { kind: K }>[] =>
  STREAMS.filter((one): one is Extract<Definition, { kind: K }> => one.kind === kind);

export function streamsPage(): string {
  return page(
    generatedFrom('streams.config.ts'),
    '# Streams, buckets and consumers',
    'Everything that Freshet keeps in JetStream. A service that starts creates what is missing and changes nothing that exists. It refuses to start if a stream has settings that would lose events (`FRESHET_STREAM_CONFIG_DIFFERS`), and logs other differences. `freshet streams diff` compares these definitions with the server. `freshet streams apply` changes the server to match them; it makes a change that would lose messages only with `--lose-data --yes-lose-data`. `freshet streams export` writes the streams in the form that `nats stream add --config` reads.',
    '## Streams',
    table(
      ['stream', 'subjects', 'purpose', 'kept', 'size', 'storage', 'when full', 'de-duplication window'],
      ofKind('stream').map((one) => [
        code(one.name),
        one.subjects.map(code).join(', '),
        one.description,
        time(one.maxAgeMs),
        bytes(one.maxBytes),
        one.storage,
        one.discard === 'new' ? 'refuses' : 'drops the oldest',
        time(one.duplicateWindowMs),
      ]),
    ),
    '## KV buckets',
    table(
      ['bucket', 'purpose', 'values kept per key', 'kept', 'storage'],
      ofKind('kv').map((one) => [code(one.name), one.description, String(one.history), time(one.ttlMs), one.storage]),
    ),
    '## Object stores',
    table(
      ['store', 'purpose', 'storage'],
      ofKind('object-store').map((one) => [code(one.name), one.description, one.storage]),
    ),
    '## In a backup',
    'What [`freshet backup`](../how-to/back-up-and-restore.md) reads, in this order, and what it leaves out.',
    table(
      ['stream', 'in a backup', 'why'],
      BACKUP.map(({ stream, backedUp, why }) => [code(stream), backedUp ? 'yes' : 'no', why]),
    ),
    '## Consumers',
    'Each service creates its consumer when it opens its reader: without acknowledgements, starting after the checkpoint. When a delivery is missing, the service deletes the consumer and creates it again. The name of a consumer of a replica ends in `-2`, `-3` and so on.',
    table(
      ['consumer', 'stream', 'purpose'],
      ofKind('consumer').map((one) => [code(one.name), code(one.stream), one.description]),
    ),
  );
}
