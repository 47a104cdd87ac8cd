/** A fault of the document: where it is (`['routes', 3, 'path']`), what is wrong, and what to do about it where that can be told. */
export interface DocumentFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint: string | null;
}

/** The document was refused whole; `faults` has every reason. */
export class DocumentError extends Error {
  readonly faults: readonly DocumentFault[];

  constructor(faults: readonly DocumentFault[]) {
    super(faults.map(faultSentence).join('; '));
    this.name = 'DocumentError';
    this.faults = faults;
  }
}

/** `['routes', 3, 'path']` → `routes[3].path`; names that are no plain words are quoted. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[A-Za-z0-9_-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}

/** One fault in one sentence: `routes[3].path: … (hint)`. */
export function faultSentence({ path, message, hint }: DocumentFault): string {
  const place = path.length === 0 ? '' : `${formatPath(path)}: `;
  return `${place}${message}${hint === null ? '' : ` (${hint})`}`;
}
