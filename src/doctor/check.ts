import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the clone that this code belongs to. */
export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What one check of the doctor says. */
export interface DoctorCheck {
  name: string;
  /** `degraded`: works, but with something less than there could be. */
  state: 'ok' | 'missing' | 'degraded';
  /** What is there: version, origin, place. */
  found?: string;
  /** What it costs to be without it. */
  cost?: string;
  /** How to get it: a command where there is one. */
  next?: string;
}

/** What the checks look at. */
export interface DoctorContext {
  /** Folder of the clone. */
  root: string;
  /** Data folder of the running system. */
  data: string;
  env: NodeJS.ProcessEnv;
}

/** A check; one that is required must not be missing if anything is to run. */
export interface DoctorProbe {
  required: boolean;
  run: (context: DoctorContext) => Promise<DoctorCheck>;
}
