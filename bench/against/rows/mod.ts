/** All rows of the comparison, in the order in which they run. */
import type { Row } from '../row.ts';
import { foldRow } from './fold.ts';
import { listsRow } from './lists.ts';

export const ROWS: readonly Row[] = [foldRow, listsRow];
