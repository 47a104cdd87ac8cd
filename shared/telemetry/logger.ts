import { pino, type Logger as PinoLogger } from 'pino';

export type Logger = PinoLogger;

/**
 * JSON lines on standard output: `time` (ISO), `level` (name), `service`, `instance`, `msg` and the caller's fields.
 * Lines of a busy process are written together (up to 4 KiB or 50 ms), because a write per access record costs more
 * than making the record.
 */
export function createLogger(options: { service: string; instance: string; level: string }): Logger {
  const destination = pino.destination({ fd: 1, sync: false, minLength: 4096, periodicFlush: 50 });
  const logger = pino(
    {
      level: options.level,
      base: { service: options.service, instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['password', '*.password', 'authorization', '*.authorization'], remove: true },
    },
    destination,
  );
  process.once('exit', () => {
    try {
      destination.flushSync();
    } catch {
      // The destination never opened or is already closed: there is nothing left to write.
    }
  });
  return logger;
}
