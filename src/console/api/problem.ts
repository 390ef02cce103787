/** What went wrong, in the form of the gateway's problem documents (RFC 9457). */
export interface Problem {
  code: string;
  title: string;
  detail: string;
  /** What to run or change next. */
  next?: string | undefined;
  status: number;
}

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** The problem of any error: of an answer, of a lost connection, or of the console itself. */
export function problemOf(err: unknown): Problem {
  if (err instanceof ApiError) return err.problem;
  return {
    code: 'CONSOLE_ERROR',
    title: 'The console failed',
    detail: err instanceof Error ? err.message : String(err),
    next: 'Load the page again.',
    status: 0,
  };
}

export const isAbort = (err: unknown): boolean => err instanceof DOMException && err.name === 'AbortError';
