import { LineCounter, parseDocument as parseYaml } from 'yaml';
import { checkDocument } from '../check/check.ts';
import { faultSentence, type DocumentFault } from '../check/fault.ts';
import type { GatewayDocument } from '../document/gateway.ts';
import { Places, repeatedKeys } from './places.ts';

/** A fault with the line it stands on, counted from 1. */
export interface TextFault extends DocumentFault {
  /** File the line is in. */
  readonly name: string;
  readonly line: number;
}

export type ParsedText =
  | {
      readonly ok: true;
      readonly document: GatewayDocument;
      /** The document as people wrote it, ready to be stored. */
      readonly input: unknown;
    }
  | { readonly ok: false; readonly faults: readonly TextFault[] };

/** Aliases may multiply a small file into a huge document ("billion laughs"): this many are plenty. */
const maxAliases = 100;

/** A text that could be read as YAML or JSON (which is YAML too), and where each of its values stands. */
export interface ReadText {
  readonly value: unknown;
  /** Line of the value at a path; where it is missing, of the nearest value around it. */
  lineOf(path: readonly (string | number)[]): number;
}

/** Reads the text alone, without knowing what should be in it. An empty one is an empty document. */
export function readText(text: string, name: string): ReadText | { readonly faults: readonly TextFault[] } {
  const lines = new LineCounter();
  const yaml = parseYaml(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const fault = (line: number, message: string, hint: string | null = null): TextFault => ({
    name,
    line,
    path: [],
    message,
    hint,
  });
  const [error] = yaml.errors;
  // After its first mistake a text is read as something else than was meant: what else is wrong with that would only hide it.
  if (error !== undefined)
    return {
      faults: [
        fault(
          lines.linePos(error.pos[0]).line,
          yamlMessages[error.code] ?? error.message,
          bareBraces(text, error.pos[0]) ?? yamlHints[error.code] ?? null,
        ),
      ],
    };
  const repeated = repeatedKeys(yaml);
  if (repeated.length > 0)
    return {
      faults: repeated.map((key) =>
        fault(
          lines.linePos(key.range?.[0] ?? 0).line,
          `key "${String(key)}" is there twice`,
          'put both under one key',
        ),
      ),
    };
  try {
    const value: unknown = yaml.toJS({ maxAliasCount: maxAliases }) ?? {};
    const places = new Places(yaml, lines);
    return { value, lineOf: (path) => places.lineOf(path) };
  } catch (error) {
    return { faults: [fault(1, error instanceof Error ? error.message : String(error))] };
  }
}

/** `path: /v1/orders/{id}` is fine on a line of its own; between braces the text ends where the next brace begins. */
function bareBraces(text: string, at: number): string | null {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  return /[:,[]\s*[^\s"'{[,&*!|>%@#]+$/.test(text.slice(start, at)) && text[at] === '{'
    ? 'put quotes around a text that has braces: "/v1/orders/{id}"'
    : null;
}

/** Where the reader talks of itself. */
const yamlMessages: Readonly<Record<string, string>> = { RESOURCE_EXHAUSTION: 'is nested too deeply' };

const yamlHints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'YAML is indented with spaces',
  BAD_INDENT: 'what belongs together begins in the same column',
};

/** Reads and checks a document, YAML or JSON. `name` is how faults call the text. Never throws. */
export function parseDocument(text: string, name: string): ParsedText {
  const read = readText(text, name);
  if ('faults' in read) return { ok: false, faults: read.faults };
  const result = checkDocument(read.value);
  if (result.ok) return { ok: true, document: result.document, input: read.value };
  return {
    ok: false,
    faults: result.faults.map((fault) => ({ ...fault, name, line: read.lineOf(fault.path) })),
  };
}

/** `gateway.yaml:7: routes[1].path: … (hint)` */
export function formatFault(fault: TextFault): string {
  return `${fault.name}:${fault.line}: ${faultSentence(fault)}`;
}
