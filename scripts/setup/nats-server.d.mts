export declare const PINNED_VERSION: string;
export declare const PINNED_WHEEL_VERSION: string;
export declare const OLDEST_VERSION: string;

export type Origin = 'NATS_SERVER_BIN' | 'PATH' | 'cache' | 'github' | 'pypi' | 'go' | 'debian';
export interface FoundServer {
  path: string;
  version: string;
  origin: Origin;
}
export interface ExternalServer {
  url: string;
}
export interface LocateOptions {
  env?: NodeJS.ProcessEnv;
  /** Whether the set-up may download one. Otherwise it only searches this machine. */
  allowDownload?: boolean;
  /** Receives one line for each skipped source, with the reason, and one for the result. */
  log?: (line: string) => void;
  detail?: (text: string) => void;
}

export declare const compareVersions: (a: string, b: string) => number;
export declare const serverVersion: (path: string, env?: NodeJS.ProcessEnv) => Promise<string>;
export declare const releaseAsset: (platform?: NodeJS.Platform, arch?: string) => string | undefined;
export declare const programFromWheel: (wheel: string, pinned?: Record<string, string>) => Promise<Buffer>;
export declare const withoutPassword: (url: string) => string;
export declare const locateNatsServer: (options?: LocateOptions) => Promise<FoundServer | ExternalServer>;
