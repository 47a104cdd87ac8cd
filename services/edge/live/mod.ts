export { createLive } from './create.ts';
export { liveSettings, type LiveConfig } from './settings.ts';
