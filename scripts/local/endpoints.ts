import type { NatsAccess } from './nats-check.ts';
import type { StackProcess } from './stop-order.ts';

/** `<data dir>/endpoints.json`: where a running stack is, for scripts. `pid` is null for a server that was there before. */
export interface Endpoints {
  readonly gateway: string;
  readonly nats: {
    readonly url: string;
    readonly user: string | null;
    readonly password: string | null;
    readonly pid: number | null;
  };
  readonly database: { readonly url: string; readonly pid: number | null };
  readonly services: readonly { readonly name: string; readonly pid: number; readonly metrics: string }[];
}

/** Services that are away at the moment (ended, not yet started again) are left out. */
export function endpointsOf(stack: {
  gateway: string;
  nats: NatsAccess;
  natsProcess: StackProcess | undefined;
  databaseUrl: string;
  databaseProcess: StackProcess | undefined;
  services: readonly { name: string; process: StackProcess | undefined; ops: string | undefined }[];
}): Endpoints {
  return {
    gateway: stack.gateway,
    nats: {
      url: stack.nats.url,
      user: stack.nats.user ?? null,
      password: stack.nats.password ?? null,
      pid: stack.natsProcess?.pid ?? null,
    },
    database: { url: stack.databaseUrl, pid: stack.databaseProcess?.pid ?? null },
    services: stack.services.flatMap(({ name, process, ops }) =>
      process === undefined || ops === undefined
        ? []
        : [{ name, pid: process.pid, metrics: `${ops}/metrics` }],
    ),
  };
}
