/** The command line. Each verb has a file in `verbs/`. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import { EXIT, report } from './output.ts';
import { atVerb } from './verbs/at.ts';
import { backupVerb } from './verbs/backup.ts';
import { dlqVerb } from './verbs/dlq.ts';
import { doctorVerb } from './verbs/doctor.ts';
import { experimentVerb } from './verbs/experiment.ts';
import { exportVerb } from './verbs/export.ts';
import { forgetVerb } from './verbs/forget.ts';
import { historyVerb } from './verbs/history.ts';
import { importVerb } from './verbs/import.ts';
import { keysVerb } from './verbs/keys.ts';
import { logVerb } from './verbs/log.ts';
import { publishVerb } from './verbs/publish.ts';
import { recommendVerb } from './verbs/recommend.ts';
import { replayVerb } from './verbs/replay.ts';
import { replicaVerb } from './verbs/replica.ts';
import { reportVerb } from './verbs/report.ts';
import { restoreVerb } from './verbs/restore.ts';
import { rollbackVerb } from './verbs/rollback.ts';
import { schemaVerb } from './verbs/schema.ts';
import { searchVerb } from './verbs/search.ts';
import { secureVerb } from './verbs/secure.ts';
import { serviceVerb } from './verbs/service.ts';
import { shadowVerb } from './verbs/shadow.ts';
import { shelvesVerb } from './verbs/shelves.ts';
import { similarVerb } from './verbs/similar.ts';
import { snapshotsVerb } from './verbs/snapshots.ts';
import { statusVerb } from './verbs/status.ts';
import { streamsVerb } from './verbs/streams.ts';
import { tailVerb } from './verbs/tail.ts';
import { trendingVerb } from './verbs/trending.ts';
import { upVerb } from './verbs/up.ts';
import { verifyVerb } from './verbs/verify.ts';
import { whyVerb } from './verbs/why.ts';

/** Runs a command line. Returns the exit code: 0 for success, 1 for failure, 2 for wrong usage. */
export async function main(args: readonly string[]): Promise<number> {
  const program = new Command('freshet')
    .description('Event-sourced recommendations on NATS JetStream. Start with `freshet up`.')
    .version(VERSION)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'FRESHET_USAGE: ')) });
  for (const verb of [
    upVerb,
    publishVerb,
    importVerb,
    recommendVerb,
    experimentVerb,
    shadowVerb,
    replicaVerb,
    snapshotsVerb,
    rollbackVerb,
    similarVerb,
    trendingVerb,
    searchVerb,
    shelvesVerb,
    historyVerb,
    tailVerb,
    statusVerb,
    whyVerb,
    atVerb,
    verifyVerb,
    replayVerb,
    logVerb,
    dlqVerb,
    exportVerb,
    reportVerb,
    forgetVerb,
    backupVerb,
    restoreVerb,
    schemaVerb,
    streamsVerb,
    keysVerb,
    secureVerb,
    doctorVerb,
    serviceVerb,
  ])
    program.addCommand(verb());
  inheritErrorHandling(program);
  // The reader of a pipe (`| head`) may close it early.
  process.stdout.on('error', (err: NodeJS.ErrnoException) =>
    process.exit(err.code === 'EPIPE' ? EXIT.ok : EXIT.failure),
  );
  if (args.length === 0) {
    program.outputHelp();
    return EXIT.ok;
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (err) {
    const verb = program.commands.some((command) => command.name() === args[0]) ? `${args[0]} ` : '';
    const help = `freshet ${verb}--help`;
    if (!(err instanceof CommanderError)) return report(err, help);
    if (err.exitCode === 0) return EXIT.ok;
    process.stderr.write(`Next: ${help}\n`);
    return EXIT.usage;
  }
}

/** Each verb creates its own command, so it needs the program's error settings. */
function inheritErrorHandling(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritErrorHandling(child);
  }
}
