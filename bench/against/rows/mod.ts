/** All rows of the comparison, in the order in which they run. */
import type { Row } from '../row.ts';
import { catchingUpRow } from './catching-up.ts';
import { foldRow } from './fold.ts';
import { importRow, simulatedRow } from './import.ts';
import { listsRow } from './lists.ts';
import { rebuildRow } from './rebuild.ts';
import { replicaRow } from './replica.ts';
import { startRow } from './start.ts';
import { steadyRow } from './steady.ts';

export const ROWS: readonly Row[] = [
  foldRow,
  listsRow,
  importRow,
  simulatedRow,
  startRow,
  catchingUpRow,
  rebuildRow,
  replicaRow,
  steadyRow,
];
