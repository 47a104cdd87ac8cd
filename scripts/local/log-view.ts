import type { Writable } from 'node:stream';
import { stripVTControlCharacters, styleText } from 'node:util';

export type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Turns the JSON lines of many processes into one readable column per process. */
export interface LogView {
  /** A line a process wrote: JSON as telemetry writes it, or anything else, which is shown as it is. */
  raw(name: string, line: string): void;
  /** Something to say about a process. */
  say(name: string, level: Level, text: string): void;
  /** Text without prefix: help, the ready screen. */
  plain(text: string): void;
}

export interface LogViewOptions {
  readonly color: boolean;
  /** Show debug lines and access records too. */
  readonly verbose: boolean;
  readonly now?: () => Date;
}

const nameWidth = 11;
/** More would make lines that nobody reads; all of them are in the process's own JSON. */
const mostFields = 6;
/** Said by every line, or of no use at a terminal. */
const hidden = new Set([
  'time',
  'level',
  'service',
  'instance',
  'msg',
  'pid',
  'hostname',
  'stack',
  'type',
  'v',
]);

export function createLogView(out: Writable, options: LogViewOptions): LogView {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    options.color ? styleText(format, text, { validateStream: false }) : text;
  const write = (time: string, name: string, level: Level, text: string): void => {
    if (!options.verbose && (level === 'debug' || level === 'trace')) return;
    const mark = level === 'info' || level === 'debug' || level === 'trace' ? '' : `${level} `;
    const color = level === 'warn' ? 'yellow' : level === 'error' || level === 'fatal' ? 'red' : undefined;
    const body = stripVTControlCharacters(text).replaceAll('\n', ' ');
    out.write(
      `${paint('dim', time)} ${paint('cyan', name.padEnd(nameWidth))} ${color ? paint(color, mark + body) : mark + body}\n`,
    );
  };
  const clock = (date: Date): string => {
    const two = (n: number): string => String(n).padStart(2, '0');
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  };
  const now = options.now ?? (() => new Date());
  return {
    raw: (name, line) => {
      if (!options.verbose && isAccessRecord(line)) return;
      const record = parse(line);
      if (record === undefined) {
        if (line.trim() !== '') write(clock(now()), name, 'info', line);
        return;
      }
      const time = new Date(String(record['time']));
      write(
        clock(Number.isNaN(time.getTime()) ? now() : time),
        name,
        levelOf(record['level']),
        [textOfMessage(record['msg']), ...fieldsOf(record)].join('  '),
      );
    },
    say: (name, level, text) => write(clock(now()), name, level, text),
    plain: (text) => void out.write(text),
  };
}

/**
 * One line per request is for machines; a person at a terminal asks for it with --verbose. Told without parsing: a busy
 * edge writes thousands a second.
 */
function isAccessRecord(line: string): boolean {
  return line.includes('"msg":"request"');
}

function textOfMessage(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function levelOf(value: unknown): Level {
  return ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].includes(value as string)
    ? (value as Level)
    : 'info';
}

function fieldsOf(record: Record<string, unknown>): string[] {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(record)) {
    if (hidden.has(name) || value === undefined || value === null) continue;
    if (fields.length === mostFields) break;
    fields.push(`${name}=${textOf(value)}`);
  }
  return fields;
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return /[\s"]/.test(value) || value === '' ? JSON.stringify(value) : value;
  const message = (value as { message?: unknown }).message;
  // An error is worth its sentence; its stack is in the process's own line.
  return typeof message === 'string' ? JSON.stringify(message) : JSON.stringify(value);
}
