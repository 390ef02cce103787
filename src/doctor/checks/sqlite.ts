import { checkSqlite } from '../../../scripts/setup/packages.mjs';
import { messageOf } from '../../errors.ts';
import type { DoctorProbe } from '../check.ts';

export const sqliteProbe: DoctorProbe = {
  required: true,
  run: async ({ root }) => {
    const name = 'better-sqlite3';
    try {
      const { version, sqlite } = await checkSqlite(root);
      return { name, state: 'ok', found: `${version}, SQLite ${sqlite}` };
    } catch (err) {
      return {
        name,
        state: 'missing',
        found: messageOf(err),
        cost: 'Freshet does not run: the services keep their state in SQLite',
        next: 'npm run setup',
      };
    }
  },
};
