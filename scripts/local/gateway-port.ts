import { freePort, isFree } from './free-port.ts';
import { UserError } from './user-error.ts';

/**
 * The port that the gateway gets: the one that was asked for, or any free one for 0. Throws {@link UserError} where that
 * port, or the one that was asked for the chart, cannot be had.
 */
export async function gatewayPort(
  { port, chartPort }: { readonly port: number; readonly chartPort?: number | undefined },
  host: string,
): Promise<number> {
  if (chartPort !== undefined) await refuseTaken(chartPort, host, '--chart-port');
  if (port === 0) return freePort(host);
  await refuseTaken(port, host, '--port');
  return port;
}

async function refuseTaken(port: number, host: string, option: string): Promise<void> {
  if (!(await isFree(port, host)))
    throw new UserError(`port ${port} on ${host} is taken or not allowed: choose another one with ${option}`);
}
