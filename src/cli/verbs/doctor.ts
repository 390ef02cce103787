import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { installTensorflow, renderDoctor, runDoctor } from '../../doctor/doctor.ts';
import { DATA_FOLDER } from '../../up/runtime-file.ts';
import { EXIT, note, print, printJson } from '../output.ts';

interface DoctorOptions {
  install?: 'tensorflow';
  data: string;
  json?: boolean;
}

/** `freshet doctor` */
export const doctorVerb = (): Command =>
  new Command('doctor')
    .description('check what Freshet needs on this machine, and what it can use')
    .addOption(new Option('--install <what>', 'install an optional component').choices(['tensorflow']))
    .option('--data <dir>', 'data folder to check', DATA_FOLDER)
    .option('--json', 'print JSON, for programs')
    .action(async ({ install, data, json }: DoctorOptions) => {
      if (install === 'tensorflow') {
        const installed = await installTensorflow((progress) =>
          note(typeof progress === 'string' ? progress : JSON.stringify(progress)),
        );
        if (json) printJson(installed);
        else note('TensorFlow’s native library is installed and works.');
        return;
      }
      const report = await runDoctor({ data: resolve(data) });
      if (json) printJson(report);
      else print(renderDoctor(report));
      if (!report.ok) process.exitCode = EXIT.failure;
    });
