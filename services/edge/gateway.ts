import { SluiceError } from '@sluice/errors';
import { Exchange, type Outlet } from './exchange.ts';
import { readFields } from './http/request-fields.ts';
import { runPhases, type Phases } from './lifecycle.ts';
import type { GatewayCall, GatewayCaller, GatewayReply } from './live-port.ts';

/** What node:http lets through as a method; the rest of the gateway relies on it. */
const token = /^[A-Z][A-Z-]{0,31}$/;

/** Fields that belong to the connection a call came over, not to the call. */
const notOfCalls = new Set(['content-length', 'transfer-encoding', 'expect', 'host']);

/**
 * Calls that come over a live connection, through the same phases as HTTP requests: what is refused there is refused
 * here, and the record is the same.
 */
export function gatewayCaller(phases: Phases): GatewayCaller {
  return (call) =>
    new Promise((resolve) => {
      const exchange = new Exchange({
        outlet: new CallOutlet(call, resolve),
        method: token.test(call.method) ? call.method : '',
        target: call.target,
        version: '1.1',
        fields: readFields(fieldsOf(call), call.requestId),
        client: call.address,
        carried: call.caller,
      });
      runPhases(phases, exchange);
    });
}

function fieldsOf(call: GatewayCall): string[] {
  const { headers, body } = call;
  const fields: string[] = [];
  let host = 'sluice';
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (name === 'host') host = value;
    if (!notOfCalls.has(name)) fields.push(name, value);
  }
  fields.push('host', host);
  if (body.length > 0) fields.push('content-length', String(body.length));
  return fields;
}

class CallOutlet implements Outlet {
  readonly gone = false;
  readonly #call: GatewayCall;
  readonly #resolve: (reply: GatewayReply) => void;

  constructor(call: GatewayCall, resolve: (reply: GatewayReply) => void) {
    this.#call = call;
    this.#resolve = resolve;
  }

  receive(): Uint8Array {
    return this.#call.body;
  }

  send(exchange: Exchange): void {
    const { status, headers, reply } = exchange;
    this.#resolve({ status, headers, body: reply });
  }

  abort(): void {
    this.#resolve({ status: 500, headers: [], body: this.#call.body.subarray(0, 0) });
  }

  stream(): never {
    throw new SluiceError('bad_request', 'A stream cannot be opened from inside a stream.');
  }
}
