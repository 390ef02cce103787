/** Checks what Freshet needs or can use on this machine: what is there, what is missing, and how to get it. */
import { join, resolve } from 'node:path';
import { type DoctorCheck, type DoctorContext, type DoctorProbe, ROOT } from './check.ts';
import { natsCliProbe, natsServerProbe } from './checks/nats.ts';
import { nodeProbe, npmProbe } from './checks/node.ts';
import { sqliteProbe } from './checks/sqlite.ts';
import { cacheFolderProbe, dataFolderProbe } from './checks/storage.ts';
import { nativeTensorflowProbe, wasmTensorflowProbe } from './checks/tensorflow.ts';
import { compilerProbe, goProbe, pythonProbe } from './checks/tools.ts';

export type { DoctorCheck } from './check.ts';
export { type InstalledTensorflow, type InstallProgress, installTensorflow } from './install.ts';

export interface DoctorReport {
  /** Whether everything that Freshet requires is there. */
  ok: boolean;
  checks: DoctorCheck[];
}

const PROBES: readonly DoctorProbe[] = [
  nodeProbe,
  npmProbe,
  sqliteProbe,
  natsServerProbe,
  natsCliProbe,
  nativeTensorflowProbe,
  wasmTensorflowProbe,
  pythonProbe,
  goProbe,
  compilerProbe,
  dataFolderProbe,
  cacheFolderProbe,
];

export interface DoctorOptions {
  root?: string;
  /** The data folder to check. Default: `.freshet` in the current folder. */
  data?: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs all checks in parallel. It takes one or two seconds and changes nothing. */
export const runDoctor = async ({
  root = ROOT,
  data = join(process.cwd(), '.freshet'),
  env = process.env,
}: DoctorOptions = {}): Promise<DoctorReport> => {
  const context: DoctorContext = { root, data: resolve(data), env };
  const results = await Promise.all(
    PROBES.map(async (probe) => ({ required: probe.required, check: await probe.run(context) })),
  );
  return {
    ok: results.every(({ required, check }) => !required || check.state !== 'missing'),
    checks: results.map(({ check }) => check),
  };
};

/** The report as text: one aligned line per check, and two more for each one that is missing or degraded. */
export const renderDoctor = ({ ok, checks }: DoctorReport): string => {
  // The longest name, or the longest label under one ("  to get it").
  const width = Math.max(11, ...checks.map(({ name }) => name.length)) + 2;
  const column = 10;
  const lines = checks.flatMap(({ name, state, found, cost, next }) => {
    const head = `${state.padEnd(column)}${name.padEnd(width)}${found ?? ''}`.trimEnd();
    if (state === 'ok') return [head];
    const under = (label: string, text: string | undefined) =>
      text === undefined ? [] : [`${' '.repeat(column)}${`  ${label}`.padEnd(width)}${text}`];
    return [head, ...under('effect', cost), ...under('to get it', next)];
  });
  const missing = checks.filter(({ state }) => state !== 'ok').length;
  const verdict = !ok
    ? 'Freshet does not run on this machine yet: a required component above is missing.'
    : missing === 0
      ? 'Freshet runs, and finds everything that it can use.'
      : 'Freshet runs. The missing components above are optional.';
  return [...lines, '', verdict].join('\n');
};
