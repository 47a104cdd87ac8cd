import type { z } from '@sluice/config';
import { closest } from './closest.ts';
import type { DocumentFault } from './fault.ts';
import { propertiesAt, schemasAt } from './json-schema.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** Faults beyond these are told without a guess at what was meant, which takes longer than finding them. */
const mostHints = 100;

/** What the schema has against a document, in words for the person who wrote it. */
export function schemaFaults(issues: readonly Issue[], document: unknown): DocumentFault[] {
  return issues.flatMap((issue, index) => toFaults(issue, [], { document, hints: index < mostHints }));
}

interface Context {
  readonly document: unknown;
  readonly hints: boolean;
}

/** `base`: where the value stands whose own schema found this issue; alternatives are checked by schemas of their own. */
function toFaults(issue: Issue, base: Path, context: Context): DocumentFault[] {
  const path: Path = [...base, ...issue.path.filter((part) => typeof part !== 'symbol')];
  const value = valueAt(context.document, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        message: `"${key}" is not known here`,
        hint: context.hints && index < mostHints ? propertyHint(key, path) : null,
      }));
    case 'invalid_union':
      return unionFaults(issue, path, context);
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path, message: sentence(message), hint: null }));
    case 'invalid_type':
      return [
        {
          path,
          message: wrongType(issue.expected, path, value),
          hint: value === undefined && context.hints ? about(path) : null,
        },
      ];
    case 'invalid_value':
      return [
        {
          path,
          message: value === undefined ? 'is missing' : `must be ${oneOf(issue.values)}`,
          hint: valueHint(value, issue.values, context),
        },
      ];
    case 'too_small':
      return [
        { path, message: `must ${bound(issue.origin, 'at least', Number(issue.minimum))}`, hint: null },
      ];
    case 'too_big':
      return [
        {
          path,
          message: `must ${bound(issue.origin, 'at most', Number(issue.maximum))}${counted(value)}`,
          hint: null,
        },
      ];
    default:
      return [{ path, message: sentence(issue.message), hint: null }];
  }
}

/** Formats say what they take ("a path prefix like /v1/orders"); a fault says that this is what it has to be. */
function sentence(message: string): string {
  return /^(?:an?|the|one of)\b/.test(message) && !message.includes(' is made of ')
    ? `must be ${message}`
    : message;
}

/** Of several alternatives the one that the value comes nearest to is talked about; of none, all are named. */
function unionFaults(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  context: Context,
): DocumentFault[] {
  const near = issue.errors
    .filter((issues) => !issues.some(({ path: at, code }) => at.length === 0 && mismatches.has(code)))
    .toSorted((a, b) => a.length - b.length)[0];
  if (near) return near.flatMap((each) => toFaults(each, path, context));
  const value = valueAt(context.document, path);
  const meaning = context.hints ? about(path) : null;
  if (value === undefined) return [{ path, message: 'is missing', hint: meaning }];
  const texts = issue.errors.flat().flatMap((each) => (each.code === 'invalid_value' ? each.values : []));
  const format = issue.errors.flat().find((each) => each.code === 'invalid_format');
  if (format && typeof value === 'string')
    return [{ path, message: sentence(format.message), hint: valueHint(value, texts, context) }];
  const choices = issue.errors.flat().flatMap((each) => {
    if (each.code === 'invalid_type') return [typeName(each.expected)];
    return each.code === 'invalid_value' ? [oneOf(each.values)] : [];
  });
  return [
    {
      path,
      message: `must be ${[...new Set(choices)].join(' or ')}, not ${shownAt(path, value)}`,
      hint: valueHint(value, texts, context) ?? meaning,
    },
  ];
}

const mismatches = new Set(['invalid_type', 'invalid_value', 'invalid_format']);

function propertyHint(key: string, path: Path): string | null {
  const known = propertiesAt(path);
  const near = closest(key, known);
  if (near !== null) return `did you mean "${near}"?`;
  return known.length === 0 ? null : `known here: ${known.join(', ')}`;
}

function valueHint(value: unknown, values: readonly unknown[], { hints }: Context): string | null {
  if (typeof value !== 'string' || !hints) return null;
  const near = closest(
    value,
    values.filter((each) => typeof each === 'string'),
  );
  return near === null ? null : `did you mean "${near}"?`;
}

/** What the schema says about a value, as a hint for whoever left it out or wrote something else. */
function about(path: Path): string | null {
  return schemasAt(path).find(({ description }) => description !== undefined)?.description ?? null;
}

function wrongType(expected: string, path: Path, value: unknown): string {
  return value === undefined ? 'is missing' : `must be ${typeName(expected)}, not ${shownAt(path, value)}`;
}

/** Where a reference to a secret belongs somebody may have written the secret, and faults end in logs of build servers. */
const secretPlaces = new Set<string | number>(['client_secret', 'cookie_key']);

function shownAt(path: Path, value: unknown): string {
  return typeof value !== 'object' && path.some((part) => secretPlaces.has(part))
    ? 'a plain value'
    : shown(value);
}

function typeName(expected: string): string {
  const names: Record<string, string> = {
    string: 'a text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
    record: 'an object',
  };
  return names[expected] ?? expected;
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'nothing';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  return JSON.stringify(value) ?? typeof value;
}

function oneOf(values: readonly unknown[]): string {
  const texts = values.map((value) => JSON.stringify(value));
  return texts.length === 1 ? String(texts[0]) : `one of ${texts.join(', ')}`;
}

function bound(origin: string, word: string, limit: number): string {
  if (limit === 1 && word === 'at least' && origin !== 'number' && origin !== 'int') return 'not be empty';
  const number = limit.toLocaleString('en');
  if (origin === 'string') return `have ${word} ${number} characters`;
  return origin === 'array' ? `have ${word} ${number} entries` : `be ${word} ${number}`;
}

/** How far a list is above its bound. */
function counted(value: unknown): string {
  return Array.isArray(value) ? `, not ${value.length.toLocaleString('en')}` : '';
}

function valueAt(document: unknown, path: Path): unknown {
  let value: unknown = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}
