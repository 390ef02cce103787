export declare class SetupError extends Error {
  constructor(
    code: string,
    message: string,
    context?: { next?: string; cause?: unknown; details?: Record<string, unknown> },
  );
  readonly code: string;
  readonly next: string | undefined;
  readonly details: Record<string, unknown>;
}
export interface Reporter {
  log(line: string): void;
  step<T>(what: string, run: (detail: (text: string) => void) => Promise<T>): Promise<T>;
}
export declare const messageOf: (err: unknown) => string;
export declare const formatBytes: (bytes: number) => string;
export declare const createReporter: (options?: { quiet?: boolean; stream?: NodeJS.WritableStream }) => Reporter;
