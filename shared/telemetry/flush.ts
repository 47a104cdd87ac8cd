import fs from 'node:fs';

/**
 * Makes a destination's `flushSync` end when nobody reads any more. sonic-boom repeats a write that fails with EPIPE for
 * ever, so a process whose reader was killed would hang in its own exit. For the length of the call, which is
 * synchronous, such a write counts as done; there is no other way in.
 */
export function endFlushWithoutReader(destination: { flushSync(): void }): void {
  const flushSync = destination.flushSync.bind(destination);
  destination.flushSync = () => {
    const { writeSync } = fs;
    fs.writeSync = ((fd: number, data: string | Uint8Array): number => {
      try {
        return typeof data === 'string' ? writeSync(fd, data, null, 'utf8') : writeSync(fd, data);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') return Buffer.byteLength(data);
        throw error;
      }
    }) as typeof writeSync;
    try {
      flushSync();
    } finally {
      fs.writeSync = writeSync;
    }
  };
}
