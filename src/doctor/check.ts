import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root folder of this clone. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The result of one check of the doctor. */
export interface DoctorCheck {
  name: string;
  /** `degraded`: it works with a limitation. */
  state: 'ok' | 'missing' | 'degraded';
  /** What the check found: version, origin, path. */
  found?: string;
  /** What does not work without it. */
  cost?: string;
  /** How to get it: a command if there is one. */
  next?: string;
}

/** The environment that the checks examine. */
export interface DoctorContext {
  /** Folder of the clone. */
  root: string;
  /** Data folder of the running system. */
  data: string;
  env: NodeJS.ProcessEnv;
}

/** A check. Freshet does not run if a required one reports `missing`. */
export interface DoctorProbe {
  required: boolean;
  run: (context: DoctorContext) => Promise<DoctorCheck>;
}
