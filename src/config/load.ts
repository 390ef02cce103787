/** Settings: defaults, then a JSON file, then environment variables such as `FRESHET_PROJECTION_BATCH_MAX`. */
import { existsSync, readFileSync } from 'node:fs';
import { Compile } from 'typebox/compile';
import { Value } from 'typebox/value';
import { ConfigInvalidError, messageOf } from '../errors.ts';
import { CONFIG_SCHEMA, type Config } from './schema.ts';

export const CONFIG_FILE = 'freshet.config.json';

const validator = Compile(CONFIG_SCHEMA);

export interface LoadConfigOptions {
  /** Path of the file; `FRESHET_CONFIG`, or `freshet.config.json` where it exists, unless given. */
  file?: string | undefined;
  env?: NodeJS.ProcessEnv;
}

/** Throws `ConfigInvalidError`, naming file, setting and what it takes. */
export function loadConfig({ file, env = process.env }: LoadConfigOptions = {}): Config {
  const path = file ?? env.FRESHET_CONFIG ?? (existsSync(CONFIG_FILE) ? CONFIG_FILE : undefined);
  const given = path === undefined ? {} : readFile(path);
  return completeConfig(withEnvironment(given, env), path ?? 'the settings');
}

/** Fills in defaults and checks. */
export function completeConfig(given: unknown, origin = 'the settings'): Config {
  const value = Value.Default(CONFIG_SCHEMA, Value.Clone(given));
  if (validator.Check(value)) return value;
  const error = validator.Errors(value)[0];
  const setting = error?.instancePath.slice(1).replaceAll('/', '.') || 'the whole';
  throw new ConfigInvalidError(`${origin}: ${setting} ${error?.message ?? 'is not as it should be'}.`, {
    next: 'see docs/reference/configuration.md',
    details: { setting, params: error?.params },
  });
}

function readFile(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Error('it is not a JSON object');
  } catch (cause) {
    throw new ConfigInvalidError(`${path} can't be read: ${messageOf(cause)}.`, {
      next: 'see docs/reference/configuration.md',
      cause,
    });
  }
}

function withEnvironment(given: Record<string, unknown>, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const result: Record<string, unknown> = { ...given };
  for (const [section, { properties }] of Object.entries(CONFIG_SCHEMA.properties)) {
    for (const [name, schema] of Object.entries(properties as Record<string, { type?: string }>)) {
      const variable = `FRESHET_${section}_${name}`.toUpperCase();
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
    throw new ConfigInvalidError(`${variable} takes a ${type}; ${JSON.stringify(text)} is none.`, {
      next: 'see docs/reference/configuration.md',
      cause,
    });
  }
}
