export declare const cacheFolder: (env?: NodeJS.ProcessEnv) => string;
export declare const stagingFolder: (env: NodeJS.ProcessEnv, name: string) => string;
