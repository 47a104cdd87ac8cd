import { freePort, isFree } from './free-port.ts';
import { ranks } from './stop-order.ts';
import { servicePlan, type ServiceReady } from './service-process.ts';
import type { ProcessPlan } from './supervised.ts';

/**
 * The page with live candles, beside the gateway unless `port` says where; an example keeps nothing from starting, so a
 * port that is taken is replaced by a free one. The port is chosen here: the page keeps its address over a crash.
 */
export async function chartPlan(options: {
  gateway: string;
  /** Of the gateway, where it speaks TLS. */
  certificateFile: string | undefined;
  host: string;
  port: number | undefined;
  onLine: (line: string) => void;
}): Promise<ProcessPlan<ServiceReady>> {
  const { gateway, certificateFile, host, onLine } = options;
  const wished = options.port ?? Number(new URL(gateway).port) + 1;
  const usable = wished > 0 && wished < 65_536 && (await isFree(wished, host));
  const port = usable ? wished : await freePort(host);
  const trusted = certificateFile === undefined ? [] : ['--certificate', certificateFile];
  return servicePlan({
    name: 'chart',
    entry: 'examples/live-chart/serve.ts',
    args: ['--gateway', gateway, '--host', host, '--port', String(port), ...trusted],
    rank: ranks.page,
    env: {},
    onLine,
  });
}
