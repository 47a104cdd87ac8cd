/** What was probably meant: the candidate with the fewest typing errors, null when none is near enough to be worth saying. */
export function closest(written: string, candidates: Iterable<string>): string | null {
  const text = written.toLowerCase().slice(0, 64);
  let bound = Math.max(1, Math.floor(text.length / 3)) + 1;
  let best: string | null = null;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    if (Math.abs(other.length - text.length) >= bound) continue;
    const distance = typingErrors(text, other, bound);
    if (distance < bound) [best, bound] = [candidate, distance];
  }
  return best;
}

/** `did you mean "burst"?`, or the names that exist, or that there are none. */
export function nameHint(written: string, candidates: Iterable<string>, noun: string): string {
  const names = [...candidates];
  const near = closest(written, names);
  if (near !== null) return `did you mean "${near}"?`;
  if (names.length === 0) return `the document has no ${noun}`;
  const shown = names.slice(0, 8).map((name) => `"${name}"`);
  return `there is ${shown.join(', ')}${names.length > shown.length ? ` and ${names.length - shown.length} more` : ''}`;
}

/** Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); no more than `bound` are counted. */
function typingErrors(a: string, b: string, bound: number): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
      best = Math.min(best, least);
    }
    // A swap looks two rows back, so one row above the bound does not end it yet.
    if (best > bound) return bound;
    [before, above] = [above, row];
  }
  return above[b.length] as number;
}
