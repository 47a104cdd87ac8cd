import type { Bus } from '@sluice/nats';
import type { AuthMethod, Consumer, GatewayDocument } from '@sluice/policy';
import type { Registry } from '@sluice/telemetry';
import type { Caller } from '../caller.ts';
import type { Authenticator, CredentialMethod, Credentials, Ending } from './authenticator.ts';
import { badToken, bearerChallenge, bearerToken } from './bearer.ts';
import { ConsumerStore } from './consumer-store.ts';
import { keyMethod } from './key/key-method.ts';
import { KeyUsage } from './key/key-usage.ts';
import type { ConsumerDirectory, DocumentSource, MethodContext } from './method-context.ts';
import { credentialMethods } from './methods.ts';
import { credentialMetrics, type CredentialMetrics } from './metrics.ts';
import { Revocations } from './revocations.ts';
import type { CredentialSettings } from './settings.ts';
import { entriesOf, Watchlist } from './watchlist.ts';

export interface AuthenticatorOptions {
  readonly bus: Bus;
  readonly replicas: number;
  readonly document: DocumentSource;
  readonly settings: CredentialSettings;
  readonly registry: Registry;
  /** Methods that something else than requests works with as well. They stop with the authenticator. */
  readonly methods?: readonly CredentialMethod[];
  readonly report: (detail: string, error?: unknown) => void;
}

/** An {@link Authenticator}, and what comes and goes with it. */
export interface OpenAuthenticator extends Authenticator {
  readonly consumers: ConsumerDirectory;
  stop(): Promise<void>;
}

/** Opens the buckets and makes the methods; resolves when nothing that is revoked could pass. */
export async function openAuthenticator(options: AuthenticatorOptions): Promise<OpenAuthenticator> {
  const { bus, replicas, document, settings, registry, report } = options;
  let everything: CallerCheck | null = null;
  const changed = (): void => everything?.changed();
  const [revocations, store, usage] = await Promise.all([
    Revocations.open({ bus, replicas, report, changed }),
    ConsumerStore.open({ bus, replicas, document, max: settings.keyCache, report }),
    KeyUsage.open({ bus, replicas, report }),
  ]);
  const metrics = credentialMetrics(registry);
  metrics.now.keys = () => store.keys.size;
  metrics.now.revocations = () => revocations.size;
  const context: MethodContext = { bus, document, consumers: store, settings, registry, changed, report };
  const methods = [
    keyMethod({ store, usage, document }),
    ...(await credentialMethods(context)),
    ...(options.methods ?? []),
  ];
  everything = new CallerCheck({ methods, revocations, store, document, metrics, report });
  return everything;
}

/**
 * Runs the methods, and checks what holds for every caller whatever proved it: its time, revocations, its consumer, and
 * whether the document still names who vouched for it. What was checked is believed until something changes.
 */
class CallerCheck implements OpenAuthenticator {
  readonly consumers: ConsumerStore;
  readonly #methods: ReadonlyMap<string, CredentialMethod>;
  readonly #revocations: Revocations;
  readonly #document: DocumentSource;
  readonly #metrics: CredentialMetrics;
  readonly #watchlist: Watchlist;
  readonly #report: (detail: string, error?: unknown) => void;
  readonly #stopFollowing: () => void;
  /** Callers that were good, and `#state` before anything about them was asked for. */
  readonly #checked = new WeakMap<Caller, number>();
  /** Rises with whatever may have changed any caller, besides its consumer. */
  #changes = 0;

  constructor(of: {
    methods: readonly CredentialMethod[];
    revocations: Revocations;
    store: ConsumerStore;
    document: DocumentSource;
    metrics: CredentialMetrics;
    report: (detail: string, error?: unknown) => void;
  }) {
    this.consumers = of.store;
    this.#methods = new Map(of.methods.map((method) => [method.name, method]));
    this.#revocations = of.revocations;
    this.#document = of.document;
    this.#metrics = of.metrics;
    this.#report = of.report;
    this.#watchlist = new Watchlist((caller) => this.#judge(caller), of.report);
    of.metrics.now.watched = () => this.#watchlist.size;
    this.#stopFollowing = of.document.onChange(() => this.changed());
    of.store.onChange(
      (entry) => this.#watchlist.entryChanged(entry),
      () => this.#watchlist.entries(),
    );
  }

  identify(credentials: Credentials, methods: readonly string[]): Caller | null | Promise<Caller | null> {
    for (let i = 0; i < methods.length; i++) {
      const method = this.#methods.get(methods[i] as string);
      if (method !== undefined && method.present(credentials)) return this.#verify(method, credentials);
    }
    // A token in a form that no accepted method has is a bad token, not an absent one.
    if (bearerToken(credentials) !== null && methods.some((name) => name !== 'session'))
      throw this.#metrics.refused('none', badToken('no accepted method takes a token of this form'));
    return null;
  }

  current(caller: Caller): Caller | null {
    const now = this.#judge(caller);
    return typeof now === 'string' ? null : now;
  }

  watch(caller: Caller, ended: (why: Ending) => void, changed: () => void = () => {}): () => void {
    let over = false;
    const once = (why: Ending): void => {
      if (over) return;
      stop();
      try {
        ended(why);
      } catch (error) {
        // Methods tell it from where nobody waits for them: it would end the process.
        this.#report('a listener for the end of credentials failed', error);
      }
    };
    const listed = this.#watchlist.add(caller, { ended: once, changed });
    // What the store forgot in a gap between the check of this caller and now, nobody else would look up.
    this.consumers.fetch(entriesOf(caller));
    const stopOwn = this.#methods.get(caller.method)?.watch?.(caller, once, () => listed.look());
    const stop = (): void => {
      over = true;
      listed.stop();
      stopOwn?.();
    };
    return stop;
  }

  challenge(methods: readonly string[]): string {
    const challenges = methods.flatMap((name) => this.#methods.get(name)?.challenge ?? []);
    // RFC 9110 section 15.5.2: a 401 has at least one.
    return [...new Set(challenges)].join(', ') || bearerChallenge;
  }

  /** Whatever was found out about callers is found out again, at their next call. */
  changed(): void {
    this.#changes += 1;
    this.#watchlist.changed();
  }

  async stop(): Promise<void> {
    this.#stopFollowing();
    this.#watchlist.stop();
    this.#revocations.stop();
    this.consumers.stop();
    await Promise.all([...this.#methods.values()].map(async (method) => method.stop?.()));
  }

  #verify(method: CredentialMethod, credentials: Credentials): Caller | Promise<Caller> {
    try {
      const caller = method.verify(credentials);
      const admitted =
        caller instanceof Promise ? caller.then((found) => this.#admit(found)) : this.#admit(caller);
      if (!(admitted instanceof Promise)) {
        this.#metrics.accepted(method.name);
        return admitted;
      }
      return admitted.then(
        (found) => {
          this.#metrics.accepted(method.name);
          return found;
        },
        (error: unknown) => {
          throw this.#metrics.refused(method.name, error);
        },
      );
    } catch (error) {
      throw this.#metrics.refused(method.name, error);
    }
  }

  #admit(caller: Caller): Caller | Promise<Caller> {
    if (caller.expiresAt !== null && caller.expiresAt <= Date.now()) throw badToken('expired');
    const state = this.#state;
    if (this.#checked.get(caller) === state) return caller;
    const consumer = caller.consumer === null ? null : this.consumers.find(caller.consumer);
    if (consumer instanceof Promise) return consumer.then((found) => this.#admitBy(found, caller, state));
    return this.#admitBy(consumer, caller, state);
  }

  /** `consumer` as it was found, because it may not be at hand any more; `state` from before it was asked for. */
  #admitBy(consumer: Consumer | null, caller: Caller, state: number): Caller {
    const why = this.#ending(caller, consumer);
    if (why !== null) throw badToken(why);
    this.#checked.set(caller, state);
    return caller;
  }

  /** Another number as soon as anything may have changed about any caller. Both parts only rise, so no sum comes twice. */
  get #state(): number {
    return this.#changes + this.consumers.version;
  }

  #judge(caller: Caller): Caller | Ending {
    const method = this.#methods.get(caller.method);
    const now = method?.current === undefined ? caller : method.current(caller);
    if (now !== null) return this.#ending(now, this.#consumerOf(now)) ?? now;
    return this.#ending(caller, this.#consumerOf(caller)) ?? 'revoked';
  }

  /** The consumer as far as it is at hand: of one that is not, whoever watches is told when it is. */
  #consumerOf({ consumer }: Caller): Consumer | null {
    return consumer === null ? null : this.consumers.get(consumer);
  }

  #ending(caller: Caller, consumer: Consumer | null): Ending | null {
    if (caller.expiresAt !== null && caller.expiresAt <= Date.now()) return 'expired';
    if (this.#revocations.revoked(caller)) return 'revoked';
    if (caller.source !== null && !isSource(this.#document.current, caller.method, caller.source))
      return 'revoked';
    return consumer?.disabled === true ? 'revoked' : null;
  }
}

/** Whether the document still believes who vouched for a caller. */
function isSource(document: GatewayDocument, method: AuthMethod, source: string): boolean {
  switch (method) {
    case 'jwt':
      return Object.hasOwn(document.issuers, source);
    case 'oauth':
      return Object.hasOwn(document.introspection, source);
    case 'session':
      return Object.hasOwn(document.logins, source);
    default:
      return true;
  }
}
