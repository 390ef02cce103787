import { type Definition, STREAMS } from '../../streams.config.ts';
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
    'Everything that lives in JetStream. Services create what is missing when they start and change nothing that is there; where a stream has settings that would lose events they refuse to start (`FRESHET_STREAM_CONFIG_DIFFERS`), other differences are logged. `freshet streams diff` compares with the server, `freshet streams apply` carries a difference out (a change that would lose messages only with `--lose-data --yes-lose-data`), `freshet streams export` writes the streams as `nats stream add --config` reads them.',
    '## Streams',
    table(
      ['stream', 'subjects', 'what it is for', 'kept', 'size', 'storage', 'when full', 'de-duplication window'],
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
      ['bucket', 'what it is for', 'values kept per key', 'kept', 'storage'],
      ofKind('kv').map((one) => [code(one.name), one.description, String(one.history), time(one.ttlMs), one.storage]),
    ),
    '## Object stores',
    table(
      ['store', 'what it is for', 'storage'],
      ofKind('object-store').map((one) => [code(one.name), one.description, one.storage]),
    ),
    '## Consumers',
    'Made by their service when it opens its reader, without acknowledgements, starting behind the checkpoint; deleted and made again whenever a delivery is missing. A replica has `-2`, `-3` and so on at the end of the name.',
    table(
      ['consumer', 'stream', 'what it is'],
      ofKind('consumer').map((one) => [code(one.name), code(one.stream), one.description]),
    ),
  );
}
