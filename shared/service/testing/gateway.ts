import { randomUUID } from 'node:crypto';
import type { Bus } from '@sluice/nats';
import { decodeResponse, encodeRequest, headerValue, type WireRequest } from '@sluice/wire';

export interface Answer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly type: string | undefined;
  readonly text: string;
  readonly body: Uint8Array;
  /** The parsed body. */
  json(): Record<string, unknown>;
}

/** A request as the gateway would send it; everything has a default. */
export function wireRequest(part: Partial<WireRequest> = {}): WireRequest {
  return {
    method: 'GET',
    path: '/',
    route: 'test',
    params: {},
    query: '',
    headers: [],
    body: new Uint8Array(),
    identity: null,
    client: '192.0.2.1',
    id: randomUUID(),
    deadline: Date.now() + 5_000,
    trace: '',
    ...part,
  };
}

/** Calls a msgpack endpoint as the router does. */
export async function call(bus: Bus, subject: string, part: Partial<WireRequest> = {}): Promise<Answer> {
  const reply = await bus.request(subject, encodeRequest(wireRequest(part)), {
    deadline: Date.now() + 10_000,
  });
  const { status, headers, body } = decodeResponse(reply.data);
  const text = Buffer.from(body).toString();
  return {
    status,
    headers,
    type: headerValue(headers, 'content-type'),
    text,
    body,
    json: () => JSON.parse(text) as Record<string, unknown>,
  };
}

/** A JSON body with its content type. */
export function json(value: unknown): Pick<WireRequest, 'headers' | 'body'> {
  return { headers: ['content-type', 'application/json'], body: Buffer.from(JSON.stringify(value)) };
}
