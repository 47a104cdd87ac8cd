import {
  checkDocument,
  type DocumentFollower,
  type DocumentListener,
  type GatewayInput,
} from '@sluice/policy';

/** A gateway document that a test changes by hand; everything else about it is as if KV had told of it. */
export class TestDocuments implements Pick<DocumentFollower, 'current' | 'revision' | 'onChange'> {
  #current = parse({});
  #revision = 0;
  readonly #listeners = new Set<DocumentListener>();

  constructor(input: GatewayInput = {}) {
    this.#current = parse(input);
  }

  get current() {
    return this.#current;
  }

  get revision() {
    return this.#revision;
  }

  onChange(listener: DocumentListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Throws for a document that nobody could apply. */
  set(input: GatewayInput): void {
    this.#current = parse(input);
    this.#revision++;
    for (const listener of this.#listeners) listener(this.#current, this.#revision);
  }
}

function parse(input: GatewayInput) {
  const checked = checkDocument(input);
  if (!checked.ok)
    throw new Error(checked.faults.map(({ path, message }) => `${String(path)}: ${message}`).join('\n'));
  return checked.document;
}
