import type { GatewayClient } from './gateway-client.ts';

/**
 * Waits until the gateway knows the routes of the control API, which are announced a moment after its process is ready:
 * whoever takes the admin key from the screen uses it at once. False when that takes too long.
 */
export async function controlApiAnswers(
  gateway: GatewayClient,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  while (!options.signal.aborted && performance.now() < deadline) {
    // Without a key: refused as a caller, and no longer as a path.
    if ((await gateway.get('/admin/v1/document'))?.status === 401) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}
