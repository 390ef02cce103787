import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { messageOf, UsageError } from '../../errors.ts';
import { note, printJson } from '../output.ts';
import { gatherReport } from '../report-data.ts';
import { reportDocument } from '../report-document.ts';
import { type CommonOptions, withCommon, withSession } from '../session.ts';

const ITEMS = 25;
const ITEMS_MOST = 500;

interface ReportOptions extends CommonOptions {
  items: number;
  replace?: boolean;
}

function itemsIn(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > ITEMS_MOST)
    throw new InvalidArgumentError(`Give a whole number from 1 to ${ITEMS_MOST}.`);
  return n;
}

/** `freshet report` */
export const reportVerb = (): Command =>
  withCommon(
    new Command('report')
      .description(
        'write the state of things as one HTML file to hand on: quality over time, coverage, funnel, items, experiments',
      )
      .argument('<file>', 'the file, such as report.html')
      .option('--items <n>', 'items shown most, and items never shown, in the report', itemsIn, ITEMS)
      .option('--replace', 'replace the file if it exists'),
  ).action((file: string, { items, replace, ...options }: ReportOptions) =>
    withSession(options, async ({ nc }) => {
      const path = resolve(file);
      if (existsSync(path) && replace !== true)
        throw new UsageError(`${path} exists.`, { next: 'name another file, or add --replace' });
      const data = await gatherReport(nc, items);
      const text = await reportDocument(data);
      // Readers of the file see the old report or the new one, and no part of one.
      const partial = `${path}.${randomUUID()}`;
      try {
        writeFileSync(partial, text);
        renameSync(partial, path);
      } catch (cause) {
        if (existsSync(partial)) rmSync(partial);
        throw new UsageError(`Freshet cannot write ${path}: ${messageOf(cause)}.`, {
          next: 'name a file in a folder that exists and that you may write to',
          cause,
        });
      }
      if (options.json) printJson({ file: path, bytes: Buffer.byteLength(text) });
      else
        note(`${path}: ${Math.ceil(Buffer.byteLength(text) / 1024)} KiB. Open it in a browser; it needs nothing else.`);
    }),
  );
