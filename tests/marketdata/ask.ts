import type { Bus } from '@sluice/nats';
import { decodeResponse, encodeRequest, headerValue } from '@sluice/wire';

export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | undefined;
  readonly body: unknown;
}

/** Calls an endpoint of marketdata as the router does; the body is a value, or the `text` of one. */
export async function ask(
  bus: Bus,
  endpoint: string,
  request: { symbol?: string; query?: string; body?: unknown; text?: string } = {},
): Promise<Answer> {
  const deadline = Date.now() + 20_000;
  const { symbol, query = '', body } = request;
  const text = request.text ?? JSON.stringify(body) ?? '';
  const answer = await bus.request(
    `marketdata.${endpoint}`,
    encodeRequest({
      method: text === '' ? 'GET' : 'POST',
      path: '/',
      route: endpoint,
      params: symbol === undefined ? {} : { symbol },
      query,
      headers: text === '' ? [] : ['content-type', 'application/json'],
      body: Buffer.from(text),
      identity: null,
      client: '127.0.0.1',
      id: 'test',
      deadline,
      trace: '',
    }),
    { deadline },
  );
  const response = decodeResponse(answer.data);
  return {
    status: response.status,
    header: (name) => headerValue(response.headers, name),
    body: JSON.parse(Buffer.from(response.body).toString('utf8')) as unknown,
  };
}

/** Every page of a list, by its cursors. */
export async function askAll(
  bus: Bus,
  endpoint: string,
  symbol: string,
  query: string,
): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  let next: string | null = null;
  do {
    const answer = await ask(bus, endpoint, {
      symbol,
      query: next === null ? query : `${query}&cursor=${next}`,
    });
    if (answer.status !== 200) throw new Error(`${endpoint}?${query}: ${JSON.stringify(answer.body)}`);
    const page = answer.body as { data: Record<string, unknown>[]; next: string | null };
    rows.push(...page.data);
    next = page.next;
  } while (next !== null);
  return rows;
}
