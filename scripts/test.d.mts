export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}
export declare const countTests: (report: {
  testResults: { name: string; status: string; message?: string; assertionResults: { status: string }[] }[];
}) => TestCounts & { broken: string[] };
export declare const countLine: (counts: TestCounts) => string;
export declare const testFolder: (env?: NodeJS.ProcessEnv, memory?: string, leastFree?: number) => string;
export declare const runVitest: (args: readonly string[], env: Readonly<Record<string, string>>) => Promise<number>;
