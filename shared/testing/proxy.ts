import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP way to a server that can be cut, broken and mended, and led elsewhere, while both ends stay. */
export interface TestProxy {
  readonly port: number;
  /** `http://…` of this end. */
  readonly url: string;
  /** Ends every connection at once, without a word; new ones are taken. */
  cut(): void;
  /** The same, and takes none until it is mended. */
  break(): void;
  /** Takes connections again, to another server if one is named. */
  mend(target?: string): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** `target` is a URL with a port: `http://127.0.0.1:8080`, `nats://127.0.0.1:4222`. */
export async function startProxy(target: string): Promise<TestProxy> {
  let { hostname, port } = new URL(target);
  let broken = false;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (broken) {
      near.destroy();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const own = (server.address() as AddressInfo).port;
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: own,
    url: `http://127.0.0.1:${own}`,
    cut,
    break: () => {
      broken = true;
      cut();
    },
    mend: (other = target) => {
      ({ hostname, port } = new URL(other));
      broken = false;
    },
    [Symbol.asyncDispose]: async () => {
      broken = true;
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
