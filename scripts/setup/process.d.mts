export declare const run: (
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; timeoutMs: number; timeoutName: string },
) => Promise<{ stdout: string; stderr: string }>;
export declare const onPath: (name: string, env?: NodeJS.ProcessEnv) => string | undefined;
export declare const isProgram: (path: string) => boolean;
export declare const findPip: (
  env: NodeJS.ProcessEnv,
) => Promise<{ python: string; reason?: undefined } | { python?: undefined; reason: string }>;
