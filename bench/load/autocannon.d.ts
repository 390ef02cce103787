/** The part of autocannon that the load uses; the package has no types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  export interface AutocannonRequest {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string;
    /** Called before each request; autocannon sends the returned request. */
    setupRequest?: (request: AutocannonRequest) => AutocannonRequest;
  }

  export interface AutocannonOptions {
    url: string;
    connections: number;
    /** Seconds. */
    duration: number;
    /** Seconds until a request counts as unanswered. */
    timeout: number;
    headers?: Record<string, string>;
    requests: AutocannonRequest[];
  }

  export interface AutocannonResult {
    /** Seconds. */
    duration: number;
    errors: number;
    timeouts: number;
    statusCodeStats: Record<string, { count: number }>;
  }

  /** Emits `response` with client, status, bytes and milliseconds. */
  export interface AutocannonRun extends EventEmitter, Promise<AutocannonResult> {}

  const autocannon: (options: AutocannonOptions) => AutocannonRun;
  // biome-ignore lint/style/noDefaultExport: autocannon exports it like this
  export default autocannon;
}
