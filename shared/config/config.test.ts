import { describe, expect, test } from 'vitest';
import {
  ConfigError,
  defineConfig,
  describeConfig,
  loadConfig,
  natsOptionsFrom,
  natsSettings,
  z,
} from './mod.ts';

const definition = defineConfig('sample', {
  port: z.coerce
    .number()
    .int()
    .min(1)
    .default(8080)
    .meta({ env: 'SAMPLE_PORT', description: 'Port to listen on.' }),
  mode: z.enum(['fast', 'safe']).default('safe').meta({ env: 'SAMPLE_MODE', description: 'How to work.' }),
  name: z.string().meta({ env: 'SAMPLE_NAME', description: 'Its name.' }),
});

describe('loadConfig', () => {
  test('reads the environment, converts, and fills in defaults', () => {
    expect(loadConfig(definition, { SAMPLE_NAME: 'a', SAMPLE_PORT: '81' })).toEqual({
      port: 81,
      mode: 'safe',
      name: 'a',
    });
  });

  test('freezes what it gives', () => {
    expect(Object.isFrozen(loadConfig(definition, { SAMPLE_NAME: 'a' }))).toBe(true);
  });

  test('takes an empty variable as absent', () => {
    expect(loadConfig(definition, { SAMPLE_NAME: 'a', SAMPLE_PORT: '' }).port).toBe(8080);
  });

  test('names every faulty variable in one sentence', () => {
    const load = (): unknown => loadConfig(definition, { SAMPLE_PORT: 'eighty', SAMPLE_MODE: 'slow' });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/SAMPLE_PORT: .*SAMPLE_MODE: .*SAMPLE_NAME: /);
  });
});

describe('defineConfig', () => {
  test('refuses a setting that no environment variable can set', () => {
    expect(() => defineConfig('sample', { port: z.coerce.number() })).toThrow(
      'sample.port has no environment name',
    );
  });
});

describe('describeConfig', () => {
  test('gives a row per setting in the order of definition', () => {
    expect(describeConfig(definition)).toEqual([
      { env: 'SAMPLE_PORT', type: 'integer', default: '8080', description: 'Port to listen on.' },
      { env: 'SAMPLE_MODE', type: 'fast \\| safe', default: '"safe"', description: 'How to work.' },
      { env: 'SAMPLE_NAME', type: 'string', default: '', description: 'Its name.' },
    ]);
  });
});

describe('natsOptionsFrom', () => {
  test('splits the servers and leaves out absent credentials', () => {
    const config = loadConfig(defineConfig('sample', natsSettings), { NATS_URL: 'nats://a:1, nats://b:2' });
    expect(natsOptionsFrom(config)).toEqual({ servers: ['nats://a:1', 'nats://b:2'] });
  });
});
