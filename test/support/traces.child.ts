/** A process that searches folders for texts, and writes what it found as JSON. */
import { searchFolders } from './traces.ts';

const { folders, texts } = JSON.parse(process.env.TRACES ?? '{}') as { folders: string[]; texts: string[] };
process.stdout.write(JSON.stringify(searchFolders(folders, texts)));
