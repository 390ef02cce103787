/**
 * Loads settings. Environment variables such as `FRESHET_PROJECTION_BATCH_MAX` override a JSON file, which overrides the
 * defaults.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Value } from 'typebox/value';
import { ConfigInvalidError, messageOf } from '../errors.ts';
import { assertKnown, unknownVariables, variableOf } from './names.ts';
import { CONFIG_SCHEMA, type Config } from './schema.ts';

export const CONFIG_FILE = 'freshet.config.json';

export interface LoadConfigOptions {
  /** Path of the file. Default: `FRESHET_CONFIG`, then `freshet.config.json` if it exists. */
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
  /** Takes a warning about a variable that is not a setting. Default: prints it to stderr, once for each process. */
  warn?: (warning: string) => void;
}

const warned = new Set<string>();
function warnOnce(warning: string): void {
  if (warned.has(warning)) return;
  warned.add(warning);
  process.stderr.write(`${warning}\n`);
}

/** Throws `ConfigInvalidError` with the file, the setting and the values that it takes. */
export function loadConfig({ file, env = process.env, warn = warnOnce }: LoadConfigOptions = {}): Config {
  const path = file ?? env.FRESHET_CONFIG ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  const given = path === undefined ? {} : readFile(path);
  for (const warning of unknownVariables(env)) warn(warning);
  return completeConfig(withEnvironment(given, env), path ?? 'the settings');
}

/** Adds the defaults and validates the result. Throws `ConfigInvalidError`. */
export function completeConfig(given: unknown, origin = 'the settings'): Config {
  assertKnown(given, origin);
  const value = Value.Default(CONFIG_SCHEMA, Value.Clone(given));
  // Not compiled: a process checks its settings once, and to compile takes longer.
  if (Value.Check(CONFIG_SCHEMA, value)) return value;
  const [error] = Value.Errors(CONFIG_SCHEMA, value);
  const setting = error?.instancePath.slice(1).replaceAll('/', '.') || 'the document';
  throw new ConfigInvalidError(`${origin}: ${setting} ${error?.message ?? 'is not valid'}.`, {
    next: 'correct the setting; docs/reference/configuration.md lists all of them',
    details: { setting, params: error?.params },
  });
}

function readFile(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error('the file is not a JSON object');
  } catch (cause) {
    throw new ConfigInvalidError(`Freshet cannot read the settings in ${path}: ${messageOf(cause)}.`, {
      next: 'correct the file, or name another one with --config; docs/reference/configuration.md shows its form',
      cause,
    });
  }
}

function withEnvironment(given: Record<string, unknown>, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const result: Record<string, unknown> = { ...given };
  for (const [section, { properties }] of Object.entries(CONFIG_SCHEMA.properties)) {
    for (const [name, schema] of Object.entries(properties as Record<string, { type?: string }>)) {
      const variable = variableOf(section, name);
      const text = env[variable];
      if (text === undefined) continue;
      result[section] = {
        ...(result[section] as object | undefined),
        [name]: parseSetting(text, schema.type, variable),
      };
    }
  }
  return result;
}

function parseSetting(text: string, type: string | undefined, variable: string): unknown {
  if (type === undefined || type === 'string') return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigInvalidError(
      `The variable ${variable} must be JSON of type ${type}, not ${JSON.stringify(text)}.`,
      {
        next: 'correct the variable; docs/reference/configuration.md lists all of them',
        cause,
      },
    );
  }
}
