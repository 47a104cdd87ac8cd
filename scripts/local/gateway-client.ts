import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { GatewayAddress } from '../../examples/live-chart/gateway-address.ts';
import { PinnedCertificate } from '../../examples/live-chart/pinned-certificate.ts';

const answerWithinMs = 5_000;

/** Calls the gateway that was started here, over TLS too: its certificate, whoever signed it, is at hand. */
export class GatewayClient {
  readonly #address: GatewayAddress;

  constructor(gateway: string, certificateFile: string | undefined) {
    const certificate = certificateFile === undefined ? undefined : new PinnedCertificate(certificateFile);
    this.#address = new GatewayAddress(gateway, certificate);
  }

  /** Undefined where there is no answer within five seconds. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    const request = this.#address.request({ method: 'GET', path, headers: {} });
    const timer = setTimeout(() => request.destroy(new Error('no answer in time')), answerWithinMs);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) =>
        request.once('response', resolve).once('error', reject).end(),
      );
      return { status: response.statusCode ?? 0, body: await text(response) };
    } catch {
      return undefined;
    } finally {
      clearTimeout(timer);
    }
  }
}
