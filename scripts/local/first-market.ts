/** Asks the gateway until it lists markets, or, without a feed, until it answers at all; what to show on the screen. */
export async function firstMarket(
  gateway: string,
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
async function listMarkets(gateway: string): Promise<string[] | undefined> {
  try {
    const response = await fetch(`${gateway}/v1/markets`, { signal: AbortSignal.timeout(5_000) });
    if (!response.ok) return undefined;
    const { data } = (await response.json()) as { data: { symbol: string }[] };
    return data.map((market) => market.symbol);
  } catch {
    return undefined;
  }
}
