/** What this machine has of what Freshet needs or can use: found or missing, what that costs, how to get it. */
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
  /** Whether everything is there without which nothing runs. */
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
  /** The data folder to look at; `.freshet` in the current folder unless given. */
  data?: string;
  env?: NodeJS.ProcessEnv;
}

/** Looks at everything, side by side; takes a second or two and changes nothing. */
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

/** The report for people: one aligned line each, and two more under what is not as it could be. */
export const renderDoctor = ({ ok, checks }: DoctorReport): string => {
  // The longest name, or the longest label under one ("  to get it").
  const width = Math.max(11, ...checks.map(({ name }) => name.length)) + 2;
  const column = 10;
  const lines = checks.flatMap(({ name, state, found, cost, next }) => {
    const head = `${state.padEnd(column)}${name.padEnd(width)}${found ?? ''}`.trimEnd();
    if (state === 'ok') return [head];
    const under = (label: string, text: string | undefined) =>
      text === undefined ? [] : [`${' '.repeat(column)}${`  ${label}`.padEnd(width)}${text}`];
    return [head, ...under('costs', cost), ...under('to get it', next)];
  });
  const missing = checks.filter(({ state }) => state !== 'ok').length;
  const verdict = !ok
    ? 'Something is missing without which Freshet does not run; see above.'
    : missing === 0
      ? 'Everything is here.'
      : 'Freshet runs. What is missing above is optional.';
  return [...lines, '', verdict].join('\n');
};
