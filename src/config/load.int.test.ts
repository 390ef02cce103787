import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../test/support/tempdir.ts';
import { ConfigInvalidError } from '../errors.ts';
import { completeConfig, loadConfig } from './load.ts';

function file(content: string): string {
  const path = join(tempDir('config'), 'freshet.config.json');
  writeFileSync(path, content);
  return path;
}

function problem(load: () => unknown): ConfigInvalidError {
  try {
    load();
  } catch (err) {
    if (err instanceof ConfigInvalidError) return err;
    throw err;
  }
  throw new Error('nothing was refused');
}

describe('settings', () => {
  it('are the defaults without a file', () => {
    const config = loadConfig({ file: file('{}'), env: {} });
    expect(config).toEqual(completeConfig({}));
    expect(config.projection.batch_max).toBe(500);
    expect(config.engine.weights['user.purchased.v1']).toBe(48);
    expect(config.events.declared).toEqual([]);
  });

  it('come from the file, and the rest of a section keeps its defaults', () => {
    const config = loadConfig({ file: file('{"projection":{"batch_max":7}}'), env: {} });
    expect(config.projection).toEqual({ ...completeConfig({}).projection, batch_max: 7 });
  });

  it('of the environment override those of the file', () => {
    const env = {
      FRESHET_PROJECTION_BATCH_MAX: '9',
      FRESHET_EVENTS_DECLARED: '["x_listened"]',
      FRESHET_LOG_LEVEL: 'debug',
      FRESHET_LOG_REDACT: 'false',
      FRESHET_HTTP_HOST: '0.0.0.0',
    };
    const config = loadConfig({ file: file('{"projection":{"batch_max":7,"batch_wait_ms":3}}'), env });
    expect(config.projection).toMatchObject({ batch_max: 9, batch_wait_ms: 3 });
    expect(config.events.declared).toEqual(['x_listened']);
    expect(config.log).toEqual({ level: 'debug', redact: false });
    expect(config.http.host).toBe('0.0.0.0');
  });

  it('come from the file that FRESHET_CONFIG names', () => {
    expect(loadConfig({ env: { FRESHET_CONFIG: file('{"demo":{"seed":3}}') } }).demo.seed).toBe(3);
  });

  it('that a caller changes do not affect the next load', () => {
    const first = loadConfig({ file: file('{}'), env: {} });
    first.engine.weights['user.viewed.v1'] = 1;
    first.events.declared.push('x_changed');
    expect(completeConfig({}).engine.weights['user.viewed.v1']).toBe(16);
    expect(completeConfig({}).events.declared).toEqual([]);
  });

  it.each([
    ['{"projection":{"batch_max":0}}', 'projection.batch_max'],
    ['{"projection":{"batch_max":"many"}}', 'projection.batch_max'],
    ['{"projection":{"batch_max":1.5}}', 'projection.batch_max'],
    ['{"projection":{"batch_maximum":5}}', 'projection'],
    ['{"projektion":{}}', 'projektion'],
    ['{"events":{"declared":["listened"]}}', 'events.declared.0'],
    ['{"log":{"level":"loud"}}', 'log.level'],
    ['{"engine":{"weights":{"user.viewed.v1":-1}}}', 'engine.weights'],
  ])('%s are refused, and the error names the setting', (content, setting) => {
    const path = file(content);
    const { message, next } = problem(() => loadConfig({ file: path, env: {} }));
    expect(message).toContain(path);
    expect(message).toContain(setting);
    expect(next).toContain('configuration.md');
  });

  it.each([
    ['{"http":{"hots":"::1"}}', 'http.hots is not a setting. Did you mean http.host?'],
    ['{"engine":{"list_max":5}}', 'engine.list_max is not a setting. Did you mean http.list_max?'],
    ['{"projektion":{}}', 'projektion is not a section of the settings. Did you mean projection?'],
    ['{"batch_users":5}', 'batch_users is not a section of the settings. Did you mean http.batch_users?'],
    ['{"http":{"zzzzzzzzzz":1}}', 'http.zzzzzzzzzz is not a setting.'],
  ])('%s name the wrong key, and the one that is probably meant', (content, said) => {
    const path = file(content);
    const { message } = problem(() => loadConfig({ file: path, env: {} }));
    expect(message).toBe(`${path}: ${said}`);
  });

  it('warn of a variable that is not a setting, and name the nearest one', () => {
    const warnings: string[] = [];
    const env = {
      FRESHET_HTTP_HOTS: '::1',
      FRESHET_PROJECTION_BATCH_MAX: '9',
      FRESHET_CONFIG: file('{}'),
      FRESHET_ENGINE_NONSENSE_ALTOGETHER: '1',
      // Of the user, for the configuration of a nats-server.
      FRESHET_PASSWORD: 's3cret',
      // Of Kubernetes, for a service named freshet.
      FRESHET_SERVICE_HOST: '10.0.0.1',
      FRESHET_SERVICE_PORT_HTTP: '8080',
      FRESHET_PORT: 'tcp://10.0.0.1:8080',
      FRESHET_PORT_8080_TCP_ADDR: '10.0.0.1',
      OTHER: 'x',
    };
    expect(loadConfig({ env, warn: (warning) => warnings.push(warning) }).projection.batch_max).toBe(9);
    expect(warnings).toEqual([
      'The variable FRESHET_HTTP_HOTS is not a setting, so it has no effect. Did you mean FRESHET_HTTP_HOST?',
      'The variable FRESHET_ENGINE_NONSENSE_ALTOGETHER is not a setting, so it has no effect. docs/reference/configuration.md lists all of them.',
    ]);
  });

  it.each([
    ['is not there', undefined],
    ['is not JSON', '{"projection":'],
    ['holds a list', '[]'],
  ])('of a file that %s are refused, and the error names the file', (_what, content) => {
    const path = content === undefined ? join(tempDir(), 'missing.json') : file(content);
    expect(problem(() => loadConfig({ file: path, env: {} })).message).toContain(path);
  });

  it('of a variable that is not a number are refused, and the error names the variable', () => {
    const { message } = problem(() => loadConfig({ file: file('{}'), env: { FRESHET_PROJECTION_BATCH_MAX: 'many' } }));
    expect(message).toContain('FRESHET_PROJECTION_BATCH_MAX');
  });
});
