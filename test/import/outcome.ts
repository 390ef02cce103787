/** What becomes of a form, in one sentence. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFreshetError } from '../../src/errors.ts';
import { type ImportPlan, openImport } from '../../src/import/mod.ts';
import { makeTempDir } from '../support/folder.ts';
import type { Form } from './forms.ts';

/** A day after all times of the forms, so that their future never begins. */
const NOW = Date.UTC(2026, 10, 30);
const SHOWN = 3;

export async function outcomeOf({ files, options, map }: Form): Promise<string> {
  const folder = makeTempDir('forms');
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const [only, ...others] = Object.keys(files);
    const path = others.length === 0 ? join(folder, only as string) : folder;
    return await described(await openImport([path], { ...options, map, now: NOW }));
  } catch (err) {
    if (!isFreshetError(err)) throw err;
    const message = err.message.split('\n', 1)[0] as string;
    const next = (err as { next?: string }).next?.replaceAll(`${folder}/`, '') ?? '';
    return `refused: ${message.replace(`${folder}/`, '').replace(/ Its columns are .*/, '')} Next: ${next}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function described(plan: ImportPlan): Promise<string> {
  const events: string[] = [];
  const rejected: string[] = [];
  for await (const row of plan.events()) {
    if (row.kind === 'rejected') rejected.push(`line ${row.line} (${row.message})`);
    if (row.kind !== 'event') continue;
    const { type, subject, time, data } = row.event;
    const at = time === undefined ? '' : ` at ${time.replace('.000Z', 'Z')}`;
    events.push(`${type} ${subject}${at} ${JSON.stringify(data)}`);
  }
  const left = plan.files.filter(({ role }) => role === 'ignored').map(({ name }) => name);
  const more = events.length > SHOWN ? `; and ${events.length - SHOWN} more` : '';
  return [
    `${events.length} event${events.length === 1 ? '' : 's'}${events.length > 0 ? `: ${events.slice(0, SHOWN).join('; ')}` : ''}${more}`,
    ...(rejected.length > 0 ? [`rejected: ${rejected.join('; ')}`] : []),
    ...(left.length > 0 ? [`left out: ${left.join(', ')}`] : []),
    ...plan.remarks(),
  ].join('. ');
}
