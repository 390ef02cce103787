/** `npm run test:long -- NAME [options]`. */
import { longCommand } from './command.ts';

await longCommand().parseAsync();
