/**
 * Waits until the gateway knows the routes of the control API, which are announced a moment after its process is ready:
 * whoever takes the admin key from the screen uses it at once. False when that takes too long.
 */
export async function controlApiAnswers(
  gateway: string,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + options.timeoutMs;
  while (!options.signal.aborted && performance.now() < deadline) {
    // Without a key: refused as a caller, and no longer as a path.
    if ((await statusOf(`${gateway}/admin/v1/document`)) === 401) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

async function statusOf(url: string): Promise<number> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
