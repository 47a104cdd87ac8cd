import { freePort, whyNotFree } from './free-port.ts';
import { UserError } from './user-error.ts';

/** What the system says of an address that it does not have, or of a name without one. */
const noAddress = new Set(['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL']);

/**
 * The port that the gateway gets: the one that was asked for, or any free one for 0. Throws {@link UserError} where that
 * port, or the one that was asked for the chart, cannot be had.
 */
export async function gatewayPort(
  { port, chartPort }: { readonly port: number; readonly chartPort?: number | undefined },
  host: string,
): Promise<number> {
  if (noAddress.has((await whyNotFree(0, host)) ?? ''))
    throw new UserError(`SLUICE_HTTP_HOST ${host} is no address of this machine`);
  if (chartPort !== undefined) await refuseTaken(chartPort, host, '--chart-port');
  if (port === 0) return freePort(host);
  await refuseTaken(port, host, '--port');
  return port;
}

async function refuseTaken(port: number, host: string, option: string): Promise<void> {
  if ((await whyNotFree(port, host)) !== undefined)
    throw new UserError(`port ${port} on ${host} is taken or not allowed: choose another one with ${option}`);
}
