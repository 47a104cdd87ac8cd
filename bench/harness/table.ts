import type { Row, Section, Target } from './context.ts';

/** A Markdown table; bars inside cells are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

export function sectionText(section: Section): string {
  const table = markdownTable(
    ['what', 'value', '÷ floor', '÷ peer', 'target', 'met?'],
    section.rows.map((row) => [
      row.what,
      `${figure(row.value)} ${row.unit}`,
      ratio(row.floor),
      ratio(row.peer),
      (row.targets ?? []).map(targetText).join('; '),
      verdict(row),
    ]),
  );
  return [`## ${section.title}`, section.method, table, ...(section.details ? [section.details] : [])].join(
    '\n\n',
  );
}

/** Whether every target of the row is met; undefined for a row without one. */
export function isMet(row: Row): boolean | undefined {
  if (!row.targets || row.targets.length === 0) return undefined;
  return row.targets.every((target) => {
    const actual = target.of === 'value' ? row.value : target.of === 'floor' ? row.floor : row.peer;
    if (actual === undefined) return false;
    return target.kind === 'at most' ? actual <= target.value : actual >= target.value;
  });
}

function verdict(row: Row): string {
  const met = isMet(row);
  return met === undefined ? '' : met ? 'yes' : '**no**';
}

function targetText(target: NonNullable<Target>): string {
  const sign = target.kind === 'at most' ? '≤' : '≥';
  return `${sign} ${figure(target.value)}${target.of === 'value' ? '' : ` × ${target.of}`}`;
}

function ratio(value: number | undefined): string {
  return value === undefined || !Number.isFinite(value) ? '' : value.toFixed(2);
}

function figure(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return Number(value.toPrecision(3)).toString();
}
