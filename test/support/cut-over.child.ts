/** A process that carries out a cut-over and kills itself at the step that its second argument names. */
import { observeFileSteps } from '../../src/bus/projection/file-steps.ts';
import { projectionFiles, replaceLiveFile, requestCutOver, versionOf } from '../../src/bus/projection/files.ts';

const [folder, until] = process.argv.slice(2) as [string, string];
observeFileSteps((step) => {
  if (step === until) process.kill(process.pid, 'SIGKILL');
});
const files = projectionFiles(folder, 'user');
requestCutOver(files);
replaceLiveFile(files, versionOf(files.next) as string);
