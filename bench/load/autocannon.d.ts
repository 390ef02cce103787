/** The part of autocannon that is used here; it comes without types. */
declare module 'autocannon' {
  import type { EventEmitter } from 'node:events';

  export interface AutocannonRequest {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string;
    /** Called before each request; what it gives is sent. */
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
  // biome-ignore lint/style/noDefaultExport: that is how it is exported
  export default autocannon;
}
