/**
 * Waits until `condition` answers something truthy and returns it. A condition that throws counts as not yet; the last
 * error is the cause when time is up.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  options: { timeoutMs?: number; everyMs?: number; message?: string | (() => string) } = {},
): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const message = typeof options.message === 'function' ? options.message() : options.message;
      throw new Error(`after ${timeoutMs} ms still not: ${message ?? condition.toString()}`, { cause });
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 20));
  }
}
