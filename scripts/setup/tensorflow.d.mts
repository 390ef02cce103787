import type { Reporter } from './report.mjs';

export declare const TFJS_NODE_VERSION: string;
export declare const WHEEL_VERSION: string;
export interface NativeTensorflow {
  /** Version of @tensorflow/tfjs-node. */
  version: string;
  /** Version of libtensorflow. */
  library: string;
}
export declare const hasNativeTensorflow: (root: string) => boolean;
export declare const isTensorflowCached: (env?: NodeJS.ProcessEnv) => boolean;
export declare const nativeAbsence: (root: string) => string | undefined;
export declare const checkTensorflow: (root: string) => Promise<NativeTensorflow>;
export declare const restoreTensorflow: (options: {
  root: string;
  env?: NodeJS.ProcessEnv;
  reporter?: Reporter;
}) => Promise<NativeTensorflow>;
export declare const installTensorflow: (options: {
  root: string;
  env?: NodeJS.ProcessEnv;
  reporter?: Reporter;
}) => Promise<NativeTensorflow & { how: 'present' | 'cache' | 'built' }>;
