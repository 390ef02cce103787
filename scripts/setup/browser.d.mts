export declare const NO_BROWSER: string;
export declare const findBrowser: (env?: NodeJS.ProcessEnv) => string | undefined;
