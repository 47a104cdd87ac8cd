export { z } from 'zod';
export { ConfigError, defineConfig, loadConfig, type ConfigDefinition } from './config.ts';
export { natsSettings, natsOptionsFrom, opsSettings } from './settings.ts';
export { parseIsoTime } from './iso-time.ts';
export { describeConfig, type SettingDoc } from './describe.ts';
