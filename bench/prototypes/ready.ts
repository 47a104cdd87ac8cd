import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Tells the harness that this process serves. */
export function ready(facts: Readonly<Record<string, unknown>> = {}): void {
  // Exiting, unlike dying of the signal, lets Node write its profile.
  process.once('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ msg: 'ready', ...facts })}\n`);
}

/** Listens on a free port of the loopback interface and tells which. */
export function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => ready({ port: (server.address() as AddressInfo).port }));
}

/** A setting that the harness gave; throws where it is missing. */
export function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set`);
  return value;
}
