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
    .description('what this machine has of what Freshet needs or can use')
    .addOption(new Option('--install <what>', 'get something that is not there by default').choices(['tensorflow']))
    .option('--data <dir>', 'data folder to look at', DATA_FOLDER)
    .option('--json', 'write JSON, for machines')
    .action(async ({ install, data, json }: DoctorOptions) => {
      if (install === 'tensorflow') {
        const installed = await installTensorflow((progress) =>
          note(typeof progress === 'string' ? progress : JSON.stringify(progress)),
        );
        if (json) printJson(installed);
        else note('TensorFlow’s native library is in place.');
        return;
      }
      const report = await runDoctor({ data: resolve(data) });
      if (json) printJson(report);
      else print(renderDoctor(report));
      if (!report.ok) process.exitCode = EXIT.failure;
    });
