/** A trade as live channels carry it; every one has the same length, which lets a reader count messages by bytes. */
export function tradeText(n: number): string {
  const id = String(1_000_000_000 + n);
  const [side, size] = n % 2 === 0 ? ['sell', '0.02'] : ['buy', '0.021'];
  return `{"id":"${id}","ts":1723161255342,"price":"61837.63","size":"${size}","side":"${side}"}`;
}
