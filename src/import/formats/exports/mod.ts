/** Files that other systems export, read by what their objects say of themselves. */
import { type Draft, reject } from '../../drafts.ts';
import { draftsByLine, readLines } from '../../lines.ts';
import type { SourceFile } from '../../source-file.ts';
import type { FormatOptions, Reading } from '../format.ts';
import { objectIn } from '../objects.ts';
import type { Json } from './export.ts';
import { gorse } from './gorse.ts';
import { metarank } from './metarank.ts';
import { segment } from './segment.ts';

const FORMS = [gorse, metarank, segment] as const;

/** Reads a file whose first objects have the form of a known export; undefined: they have none. */
export function readExport(
  file: SourceFile,
  objects: readonly Json[],
  { personal = false }: Pick<FormatOptions, 'personal'>,
): Reading | undefined {
  for (const form of FORMS) {
    const role = form.roleOf(objects);
    if (role === undefined) continue;
    return {
      role,
      note: `an export of ${form.name}`,
      headerLines: 0,
      drafts: ({ onRemark = () => undefined, ...options }) => {
        const read = form.reader({ personal, onRemark });
        const draftsOf = (text: string, line: number): readonly Draft[] => {
          const object = objectIn(text.trim());
          return object === undefined
            ? [reject(line, 'FRESHET_EVENT_MALFORMED', 'the line is not a JSON object')]
            : read(object, line);
        };
        return draftsByLine(readLines(file.path, { ...options, compressed: file.compressed }), 1, draftsOf);
      },
    };
  }
  return undefined;
}
