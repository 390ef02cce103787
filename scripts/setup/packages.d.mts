import type { Reporter } from './report.mjs';

export declare const packagesCurrent: (root: string) => boolean;
export declare const checkSqlite: (root: string) => Promise<{ version: string; sqlite: string }>;
export declare const useOwnHeaders: (env: NodeJS.ProcessEnv, log: (line: string) => void) => void;
export declare const ensurePackages: (root: string, reporter: Reporter) => Promise<void>;
