/**
 * Arithmetic of sliding windows. A window is cut into {@link slots} slots; what is granted in one slot and in the ten
 * before it never exceeds the limit. A window of the policy's length touches at most eleven neighbouring slots, wherever
 * it begins, so the limit holds for every one of them (docs/limits.md).
 */
export const slots = 10;

/** Length of one slot, whole milliseconds: ten of them are never shorter than the window. */
export function slotMs(windowMs: number): number {
  return Math.ceil(windowMs / slots);
}

/** Number of the slot that a time lies in. */
export function slotAt(timeMs: number, windowMs: number): number {
  return Math.floor(timeMs / slotMs(windowMs));
}

/**
 * Leases end this much before their slot: clocks of NATS servers that follow one another as leader differ a little, and
 * so do the rates of two machines' clocks.
 */
export function guardMs(windowMs: number): number {
  return Math.min(20, Math.max(2, slotMs(windowMs) / 50));
}

/**
 * After how many slots `needed` tokens have come back, when nobody takes any: `used` are the tokens of the eleven slots
 * up to the present one, oldest first. At the beginning of the next slot the oldest one is forgotten, and so on.
 */
export function slotsUntil(used: ArrayLike<number>, needed: number): number {
  let freed = 0;
  for (let i = 0; i < used.length; i++) {
    freed += used[i] as number;
    if (freed >= needed) return i + 1;
  }
  return used.length;
}
