import type { GatewayClient } from './gateway-client.ts';

/** Asks the gateway until it lists markets, or, without a feed, until it answers at all; what to show on the screen. */
export async function firstMarket(
  gateway: GatewayClient,
  options: { needTrades: boolean; timeoutMs: number; signal: AbortSignal },
): Promise<string | undefined> {
  const deadline = performance.now() + options.timeoutMs;
  while (!options.signal.aborted && performance.now() < deadline) {
    const symbols = await listMarkets(gateway);
    const symbol = symbols?.includes('BTCUSDT') === true ? 'BTCUSDT' : symbols?.[0];
    if (symbol !== undefined || (symbols !== undefined && !options.needTrades)) return symbol;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return undefined;
}

/** Undefined while the route is not there yet or the service behind it still starts. */
async function listMarkets(gateway: GatewayClient): Promise<string[] | undefined> {
  const answer = await gateway.get('/v1/markets');
  if (answer?.status !== 200) return undefined;
  try {
    const { data } = JSON.parse(answer.body) as { data: { symbol: string }[] };
    return data.map((market) => market.symbol);
  } catch {
    // The user's own document has another service there.
    return undefined;
  }
}
