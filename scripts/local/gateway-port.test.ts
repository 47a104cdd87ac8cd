import { createServer, type AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { freePort, isFree } from './free-port.ts';
import { gatewayPort } from './gateway-port.ts';

const host = '127.0.0.1';

describe("the gateway's port", () => {
  it('is the one that was asked for, or any free one', async () => {
    const port = await freePort();
    expect(await gatewayPort({ port }, host)).toBe(port);
    expect(await isFree(await gatewayPort({ port: 0 }, host))).toBe(true);
  });

  it.each(['203.0.113.7', 'no.such.host.invalid'])(
    'is refused by name of the address where that is the fault: %s',
    async (away) => {
      await expect(gatewayPort({ port: 0 }, away)).rejects.toThrow(
        `SLUICE_HTTP_HOST ${away} is no address of this machine`,
      );
    },
  );

  it('is refused when somebody has it, with the option to change; so is that of the chart', async () => {
    await using server = createServer().listen(0, host);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port: taken } = server.address() as AddressInfo;
    await expect(gatewayPort({ port: taken }, host)).rejects.toThrow(
      `port ${taken} on ${host} is taken or not allowed: choose another one with --port`,
    );
    await expect(gatewayPort({ port: 0, chartPort: taken }, host)).rejects.toThrow(
      `port ${taken} on ${host} is taken or not allowed: choose another one with --chart-port`,
    );
  });
});
