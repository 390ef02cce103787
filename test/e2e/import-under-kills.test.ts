/** The small case of `import-under-kills.long.test.ts`. */
import { importUnderKills } from '../support/import-under-kills.ts';

importUnderKills({ interactions: 600, victims: ['engine', 'nats-server'] });
