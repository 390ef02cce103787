import type { ExternalServer, FoundServer } from './setup/nats-server.mjs';

export declare const ROOT: string;
export declare const ensureSetup: (options?: {
  quiet?: boolean;
  natsServer?: boolean;
  root?: string;
}) => Promise<{ natsServer?: FoundServer | ExternalServer }>;
export declare const exclusively: <T>(root: string, log: (line: string) => void, work: () => Promise<T>) => Promise<T>;
export declare const reportFailure: (err: unknown) => number;
export declare const isMain: (url: string) => boolean;
