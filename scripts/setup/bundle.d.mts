import type { Plugin } from 'esbuild';

export declare const modulesKnowTheirPlace: Plugin;
export declare const loadProgram: (
  root: string,
  program: 'freshet' | 'bench' | 'training',
) => Promise<{ main(args: readonly string[]): Promise<number> }>;
