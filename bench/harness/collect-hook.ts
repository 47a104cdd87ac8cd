import { writeFileSync } from 'node:fs';

// Preloaded into a measured process: SIGUSR2 makes it collect all garbage and write what is left, so that memory is
// compared without the garbage that happens to lie around. Needs --expose-gc.
const file = process.env['BENCH_MEMORY_FILE'];
const { gc } = globalThis as { gc?: () => void };
if (file === undefined || gc === undefined) throw new Error('BENCH_MEMORY_FILE and --expose-gc are needed');
process.on('SIGUSR2', () => {
  gc();
  gc();
  writeFileSync(file, JSON.stringify({ at: Date.now(), ...process.memoryUsage() }));
});
