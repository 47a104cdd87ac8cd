import { SluiceError } from '@sluice/errors';
import { controlFields, headerValue, type WireRequest } from '@sluice/wire';

/** Built-in roles of the control API: `viewer` reads, `admin` reads and changes. */
export type AdminRole = 'admin' | 'viewer';

/** Who makes a change, as the audit log keeps it. */
export interface Actor {
  readonly subject: string;
  /** Credential method; `start` for what the process does by itself. */
  readonly kind: string;
  readonly consumer: string | null;
  readonly key: string | null;
  /** Address of the client; empty for the process itself. */
  readonly client: string;
}

/**
 * The caller, who needs the role. The route asks the same of the edge already: whoever reaches the subject in another
 * way meets this. Throws SluiceError `unauthorized` and `forbidden`.
 */
export function callerWith(request: WireRequest, role: AdminRole): Actor {
  const { identity } = request;
  if (identity === null) throw unauthorized();
  const { roles } = identity;
  if (!roles.includes('admin') && !(role === 'viewer' && roles.includes('viewer')))
    throw new SluiceError('forbidden', 'The caller may not do this.');
  return actorOf(request);
}

/** Id of the consumer that calls. Throws SluiceError `unauthorized`, and `forbidden` for a credential without one. */
export function consumerOf(request: WireRequest): string {
  const { consumer } = actorOf(request);
  if (consumer === null)
    throw new SluiceError(
      'forbidden',
      'These credentials belong to no consumer, so nothing is counted for them.',
    );
  return consumer;
}

function actorOf(request: WireRequest): Actor {
  const { identity, client } = request;
  if (identity === null) throw unauthorized();
  const { subject, kind } = identity;
  return {
    subject,
    kind,
    // The subject of an API key is its consumer.
    consumer: headerValue(request.headers, controlFields.consumer) ?? (kind === 'key' ? subject : null),
    key: headerValue(request.headers, controlFields.key) ?? null,
    client,
  };
}

function unauthorized(): SluiceError {
  return new SluiceError('unauthorized', 'The control API needs credentials.');
}
