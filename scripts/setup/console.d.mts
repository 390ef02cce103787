export declare const CONSOLE_FILES: readonly string[];
export declare const ensureConsole: (root: string) => Promise<string>;
