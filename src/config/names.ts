/** Names of settings that do not exist: in the file they are errors, in the environment warnings. */
import { ConfigInvalidError } from '../errors.ts';
import { isObject } from '../is-object.ts';
import { nearest } from '../nearest.ts';
import { CONFIG_SCHEMA } from './schema.ts';

const sections: Readonly<Record<string, { properties: object }>> = CONFIG_SCHEMA.properties;

const PREFIX = 'FRESHET_';

/** The variable of a setting. */
export const variableOf = (section: string, name: string): string => `${PREFIX}${section}_${name}`.toUpperCase();

/** Rest of the name of variables that are not settings: the file of settings, and those of set-up, training and tests. */
const OTHERS: ReadonlySet<string> = new Set([
  'BROWSER',
  'CACHE',
  'CHILD',
  'CONFIG',
  'FORGET_EVENTS',
  'FORGET_INDEX_MS',
  'KEY',
  'NATS_RELEASE_URL',
  'PROPERTY_TIMES',
  'PYTHON',
  'SETUP_CONNECT_TIMEOUT_MS',
  'TEST_LONG',
  'TEST_SECURE',
  'TF_BACKEND',
  'WRITE_OUTCOMES',
]);

/** What Kubernetes sets for each service, such as one named freshet: addresses, and ports as URLs. */
const OF_KUBERNETES = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)(_|$)/;
const PORT_URL = /^(tcp|udp|sctp):\/\//;

/**
 * One sentence for each variable `FRESHET_*` that looks like a setting but names none. A user may have other
 * variables with this prefix, such as passwords for the configuration of a nats-server.
 */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = new Set(
    Object.entries(sections).flatMap(([section, { properties }]) =>
      Object.keys(properties).map((name) => variableOf(section, name)),
    ),
  );
  return Object.entries(env)
    .filter(([name, value]) => {
      if (!name.startsWith(PREFIX) || known.has(name) || OTHERS.has(name.slice(PREFIX.length))) return false;
      return !OF_KUBERNETES.test(name) && !PORT_URL.test(value ?? '');
    })
    .flatMap(([name]) => {
      const near = nearest(name, known);
      if (near === undefined && !ofSection(name)) return [];
      const next = near === undefined ? 'docs/reference/configuration.md lists all of them.' : `Did you mean ${near}?`;
      return [`The variable ${name} is not a setting, so it has no effect. ${next}`];
    });
}

const ofSection = (name: string): boolean =>
  Object.keys(sections).some((section) => name.startsWith(variableOf(section, '')));

/** Throws `ConfigInvalidError` for a section or a setting that does not exist. */
export function assertKnown(given: unknown, origin: string): void {
  if (!isObject(given)) return;
  for (const [section, values] of Object.entries(given)) {
    if (!Object.hasOwn(sections, section)) {
      const near = nearest(section, Object.keys(sections)) ?? sectionOf(section);
      throw unknown(`${origin}: ${section} is not a section of the settings.`, section, near);
    }
    if (!isObject(values)) continue;
    const { properties } = sections[section] as { properties: object };
    for (const name of Object.keys(values)) {
      if (Object.hasOwn(properties, name)) continue;
      const near = nearest(name, Object.keys(properties));
      const setting = `${section}.${name}`;
      throw unknown(
        `${origin}: ${setting} is not a setting.`,
        setting,
        near === undefined ? sectionOf(name) : `${section}.${near}`,
      );
    }
  }
}

/** A setting of this name in another section, or in any section for a name without one. */
function sectionOf(name: string): string | undefined {
  const found = Object.entries(sections).find(([, { properties }]) => Object.hasOwn(properties, name));
  return found && `${found[0]}.${name}`;
}

const unknown = (what: string, setting: string, near: string | undefined): ConfigInvalidError =>
  new ConfigInvalidError(near === undefined ? what : `${what} Did you mean ${near}?`, {
    next: 'correct the setting; docs/reference/configuration.md lists all of them',
    details: { setting, ...(near === undefined ? {} : { nearest: near }) },
  });
