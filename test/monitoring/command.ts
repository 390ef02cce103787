/** `npm run test:long -- alerts`: each alert fires on a real system in a real Prometheus, and resolves. */
import { Command } from 'commander';
import { table } from '../../src/cli/output.ts';
import { findPrometheus, MISSING } from './prometheus.ts';
import { runMonitoring } from './run.ts';

export const alertsCommand = (): Command =>
  new Command('alerts')
    .description(
      'break a real system for each alert, and watch a real Prometheus fire and resolve it; query each panel (8 minutes)',
    )
    .option('--only <alert...>', 'only these alerts, without the panels')
    .option('--json', 'write the results as JSON')
    .action(async ({ only, json }: { only?: string[]; json?: boolean }) => {
      if (!findPrometheus()) {
        process.stderr.write(`skipped: ${MISSING}\n`);
        return;
      }
      const started = performance.now();
      const result = await runMonitoring({
        ...(only ? { only } : {}),
        report: (line) =>
          void process.stderr.write(`${((performance.now() - started) / 1_000).toFixed(0).padStart(4)} s  ${line}\n`),
      });
      if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
      else {
        const rows = result.alerts.map(({ alert, firedAfterS, resolvedAfterS }) => [
          alert,
          `${firedAfterS.toFixed(1)} s`,
          `${resolvedAfterS.toFixed(1)} s`,
        ]);
        process.stdout.write(`${table(rows, ['alert', 'fires after', 'resolves after'])}\n`);
        if (!only) process.stdout.write(`${result.queries} queries of panels, ${result.empty.length} without data\n`);
        for (const title of result.empty) process.stdout.write(`without data: ${title}\n`);
      }
      if (result.empty.length > 0) process.exitCode = 1;
    });
