/** Turns the chunks of an export into one JSON document. It holds one chunk in memory, whatever the size of the document. */
import type { NatsConnection } from 'nats';
import { call } from '../bus/nats/micro.ts';
import type { ExportChunk } from './export.ts';

/** Milliseconds to wait for one chunk, which the user service collects from the other services. */
const CHUNK_MS = 30_000;

/** The chunks of a user's export, one after the other. */
export async function* exportChunks(
  nc: NatsConnection,
  user: string,
  fresh: { min_seq?: number; timeout_ms?: number } = {},
): AsyncGenerator<ExportChunk> {
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const chunk: ExportChunk = await call(
      nc,
      'freshet.user.export',
      { user, ...(cursor === undefined ? fresh : { cursor }) },
      { timeoutMs: CHUNK_MS },
    );
    yield chunk;
    cursor = chunk.next;
  }
}

/**
 * `{"user", "ids", "exported", "services": {"user": {"seq", "profile": [...], ...}, ...}, "events": [...]}`, with one
 * record per line, or all on one line with `oneLine`.
 */
export async function* exportDocument(
  chunks: AsyncIterable<ExportChunk>,
  { oneLine = false }: { oneLine?: boolean } = {},
): AsyncGenerator<string> {
  const end = oneLine ? '' : '\n';
  let service: string | undefined;
  let part: string | undefined;
  let empty = true;
  for await (const chunk of chunks) {
    let text = '';
    if (service === undefined) {
      const { user, ids } = chunk;
      const head = JSON.stringify({ user, ids, exported: new Date().toISOString() });
      text += `${head.slice(0, -1)},${end}"services":{${end}`;
    }
    if (chunk.service !== service || chunk.part !== part) {
      if (part !== undefined) text += ']';
      if (chunk.service !== service) {
        if (service !== undefined) text += '}';
        if (chunk.service === 'log') text += `},${end}`;
        else text += `${service === undefined ? '' : `,${end}`}"${chunk.service}":{"seq":${chunk.seq},${end}`;
      } else text += `,${end}`;
      text += `${JSON.stringify(chunk.part)}:[`;
      empty = true;
    }
    for (const record of chunk.records) {
      text += `${empty ? '' : ','}${end}${JSON.stringify(record)}`;
      empty = false;
    }
    ({ service, part } = chunk);
    if (text !== '') yield text;
  }
  yield ']}\n';
}
