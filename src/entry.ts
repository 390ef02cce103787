import { fileURLToPath } from 'node:url';

/** The program that a process of the system is started with. */
export const ENTRY = fileURLToPath(new URL('../bin/freshet.mjs', import.meta.url));
