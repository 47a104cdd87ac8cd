import { SluiceError, type FieldError } from '@sluice/errors';
import { allRoles, type Consumer, type DocumentFollower, type GatewayDocument } from '@sluice/policy';
import { badCursor, numberCursor } from '../http/page.ts';
import type { ConsumerStore } from './store.ts';

/** A consumer as the API shows it. Those of the document are changed there, and have no revision of their own. */
export type ConsumerView = Consumer & {
  readonly origin: 'document' | 'api';
  readonly revision: number | null;
};

/** All consumers: those of the document, which go first where both name one, and those that the API keeps. */
export class ConsumerDirectory {
  readonly #document: Pick<DocumentFollower, 'current'>;
  readonly #store: ConsumerStore;

  constructor(document: Pick<DocumentFollower, 'current'>, store: ConsumerStore) {
    this.#document = document;
    this.#store = store;
  }

  async find(id: string): Promise<ConsumerView | null> {
    const declared = this.#document.current.consumers.find((consumer) => consumer.id === id);
    if (declared) return { ...declared, origin: 'document', revision: null };
    const stored = await this.#store.get(id);
    return stored && { ...stored.consumer, origin: 'api', revision: stored.revision };
  }

  /** Throws SluiceError `not_found`. */
  async get(id: string): Promise<ConsumerView> {
    const found = await this.find(id);
    if (found === null) throw noConsumer(id);
    return found;
  }

  /** One that the API keeps. Throws SluiceError `not_found`, and `conflict` for one of the document. */
  async changeable(id: string): Promise<ConsumerView & { readonly revision: number }> {
    const found = await this.get(id);
    this.refuseDeclared(id);
    return { ...found, revision: found.revision as number };
  }

  /** Throws SluiceError `conflict` for a consumer of the document. */
  refuseDeclared(id: string): void {
    if (this.#document.current.consumers.some((consumer) => consumer.id === id))
      throw new SluiceError(
        'conflict',
        `Consumer ${id} is part of the gateway document and is changed there.`,
      );
  }

  /** Consumers of the document by id, then those of the API in the order they were last changed. */
  async page(
    cursor: string | undefined,
    limit: number,
  ): Promise<{ data: ConsumerView[]; next: string | null }> {
    const declared = this.#document.current.consumers.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const ids = new Set(declared.map(({ id }) => id));
    const data: ConsumerView[] = [];
    const place = readCursor(cursor);
    if ('id' in place) {
      const rest = declared.filter(({ id }) => id > place.id);
      for (const consumer of rest.slice(0, limit))
        data.push({ ...consumer, origin: 'document', revision: null });
      if (rest.length >= limit) return { data, next: `d.${data.at(-1)?.id}` };
    }
    const after = 'revision' in place ? place.revision : 0;
    const { consumers, next } = await this.#store.page(after, limit - data.length);
    for (const { consumer, revision } of consumers)
      if (!ids.has(consumer.id)) data.push({ ...consumer, origin: 'api', revision });
    return { data, next: next === null ? null : `a.${next}` };
  }
}

/** Faults of a consumer whose roles, limits or quotas the document does not know. */
export function unknownNames(consumer: Omit<Consumer, 'id'>, document: GatewayDocument): FieldError[] {
  const known = {
    roles: (name: string) => allRoles(document.roles).has(name),
    limits: (name: string) => Object.hasOwn(document.limits, name),
    quotas: (name: string) => Object.hasOwn(document.quotas, name),
  };
  return (['roles', 'limits', 'quotas'] as const).flatMap((part) =>
    consumer[part].flatMap((name, index) =>
      known[part](name)
        ? []
        : [{ in: 'body' as const, pointer: `/${part}/${index}`, detail: `is not in the gateway document` }],
    ),
  );
}

export function noConsumer(id: string): SluiceError {
  return new SluiceError('not_found', `There is no consumer ${id}.`);
}

function readCursor(cursor: string | undefined): { readonly id: string } | { readonly revision: number } {
  if (cursor === undefined) return { id: '' };
  if (cursor.startsWith('d.')) return { id: cursor.slice(2) };
  if (cursor.startsWith('a.')) return { revision: numberCursor(cursor.slice(2), 0) };
  throw badCursor();
}
