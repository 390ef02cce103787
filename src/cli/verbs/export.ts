import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import { messageOf, UsageError } from '../../errors.ts';
import type { ExportChunk } from '../../user/export.ts';
import { exportChunks, exportDocument } from '../../user/export-document.ts';
import { count, note } from '../output.ts';
import { createProgress } from '../progress.ts';
import { type CommonOptions, withCommon, withServices } from '../session.ts';

interface ExportOptions extends CommonOptions {
  output?: string;
}

/** `freshet export` */
export const exportVerb = (): Command =>
  withCommon(
    new Command('export')
      .description(
        'export all personal data of a user as one JSON document: the rows of each service, and the events in the log',
      )
      .argument('<user>', 'id of the user, or of a linked session')
      .option('--output <file>', 'write the document to this file instead of standard output'),
  ).action((user: string, options: ExportOptions) =>
    withServices(options, async ({ nc }) => {
      const progress = createProgress(`exporting ${user}`, 'records', options.json);
      let records = 0;
      let ids: string[] = [];
      async function* counted(): AsyncGenerator<ExportChunk> {
        for await (const chunk of exportChunks(nc, user)) {
          ({ ids } = chunk);
          records += chunk.records.length;
          progress.update(records);
          yield chunk;
        }
      }
      const text = exportDocument(counted(), { oneLine: options.json === true });
      // An invalid request fails here, before the file exists.
      const first = await text.next();
      async function* all(): AsyncGenerator<string> {
        if (!first.done) yield first.value;
        yield* text;
      }
      try {
        if (options.output === undefined) for await (const part of all()) await write(part);
        else await pipeline(all(), await opened(options.output));
      } finally {
        progress.end();
      }
      if (!options.json) note(`${count(records)} records of ${ids.join(', ')}`);
    }),
  );

const write = (text: string): Promise<void> =>
  new Promise((resolve, reject) => process.stdout.write(text, (err) => (err ? reject(err) : resolve())));

async function opened(file: string) {
  const stream = createWriteStream(file);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (cause) =>
      reject(
        new UsageError(`Freshet cannot write ${file}: ${messageOf(cause)}.`, {
          next: 'name another file with --output',
          cause,
        }),
      ),
    );
  });
  return stream;
}
