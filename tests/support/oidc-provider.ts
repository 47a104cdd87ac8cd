import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Provider, type Configuration } from 'oidc-provider';

/** What the provider says about a user: claims of the scope `profile`. */
export type User = Readonly<Record<string, unknown>>;

/** A real OpenID provider in this process, with a login form of its own. Every secret of it is `secret`. */
export interface TestProvider {
  readonly issuer: string;
  /** Seconds that new tokens live. */
  readonly lifetimes: { access: number; refresh: number };
  /** By the name they log in with; a name that is not here may log in too. */
  readonly users: Map<string, User>;
  /** Requests so far by path, `/token` and so on. */
  readonly requests: ReadonlyMap<string, number>;
  /** `refuse` resets connections, `hang` never answers, `fail` answers 500. */
  trouble: 'refuse' | 'hang' | 'fail' | null;
  /** Of every answer, milliseconds. */
  delayMs: number;
  /** Registers where a gateway takes callbacks; to be called before its first login. */
  addGateway(publicUrl: string, login?: string): void;
  /** An access token of client credentials. */
  clientToken(scope?: string): Promise<string>;
  /** Takes a token back (RFC 7009). */
  revoke(token: string): Promise<void>;
  /** What a user has done with it: every grant of theirs is gone. */
  forget(user: string): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const gatewayClient = { client_id: 'gateway', client_secret: 'secret' } as const;
export const machineClient = { client_id: 'machine', client_secret: 'secret' } as const;

export async function startOidcProvider(): Promise<TestProvider> {
  const requests = new Map<string, number>();
  const sockets = new Set<Socket>();
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://provider').pathname;
    requests.set(path, (requests.get(path) ?? 0) + 1);
    if (test.trouble === 'refuse') request.socket.destroy();
    else if (test.trouble === 'fail') response.writeHead(500).end('broken');
    else if (test.trouble === null && test.delayMs === 0) handle(request, response);
    else if (test.trouble === null) setTimeout(() => handle(request, response), test.delayMs);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Another host name than the gateway's: another site, as providers are.
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

  const lifetimes = { access: 300, refresh: 3_600 };
  const users = new Map<string, User>();
  const callbacks: string[] = [];
  const afterLogout: string[] = [];
  const grants = new Map<string, Set<string>>();
  let made: Provider | null = null;
  // With the first request: by then the gateways have told their addresses.
  const provider = (): Provider => {
    made ??= new Provider(issuer, configurationOf(lifetimes, users, callbacks, afterLogout));
    return made;
  };
  handle = (request, response) => {
    if (request.url?.startsWith('/interaction/')) {
      interact(provider(), grants, request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    } else void provider().callback()(request, response);
  };

  const post = async (path: string, form: Record<string, string>): Promise<Response> => {
    const { client_id, client_secret } = machineClient;
    const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64');
    return fetch(`${issuer}${path}`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams(form),
    });
  };
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const test: TestProvider = {
    issuer,
    lifetimes,
    users,
    requests,
    trouble: null,
    delayMs: 0,
    addGateway(publicUrl, login = 'main') {
      callbacks.push(`${publicUrl}/auth/${login}/callback`);
      const after = `${publicUrl}/goodbye`;
      if (!afterLogout.includes(after)) afterLogout.push(after);
    },
    async clientToken(scope = 'markets:read') {
      const answer = await post('/token', { grant_type: 'client_credentials', scope });
      const { access_token: token } = (await answer.json()) as { access_token?: string };
      if (token === undefined) throw new Error('the provider gave no token');
      return token;
    },
    async revoke(token) {
      await post('/token/revocation', { token });
    },
    async forget(user) {
      for (const id of grants.get(user) ?? []) {
        const grant = await provider().Grant.find(id);
        await grant?.destroy();
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  return test;
}

function configurationOf(
  lifetimes: TestProvider['lifetimes'],
  users: ReadonlyMap<string, User>,
  callbacks: readonly string[],
  afterLogout: readonly string[],
): Configuration {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'test', alg: 'ES256', use: 'sig' };
  return {
    clients: [
      {
        ...gatewayClient,
        grant_types: ['authorization_code', 'refresh_token'],
        redirect_uris: callbacks.length > 0 ? [...callbacks] : ['http://127.0.0.1/unused'],
        post_logout_redirect_uris: [...afterLogout],
      },
      {
        ...machineClient,
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'markets:read markets:write',
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    jwks: { keys: [key] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    scopes: ['openid', 'offline_access', 'profile', 'markets:read', 'markets:write'],
    claims: { openid: ['sub'], profile: ['name', 'roles', 'tenant'] },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>Log out</title>${form}<button form="op.logoutForm" name="logout" value="yes">Yes</button>`;
        },
      },
    },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: () => lifetimes.access,
      ClientCredentials: () => lifetimes.access,
      RefreshToken: () => lifetimes.refresh,
      IdToken: 3_600,
      Grant: 3_600,
      Session: 3_600,
      Interaction: 600,
      AuthorizationCode: 60,
    },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...users.get(sub), sub }) }),
    // What introspection tells beyond the standard's own members.
    extraTokenClaims: (_, token) => ({ roles: token.kind === 'AccessToken' ? ['trader'] : ['machine'] }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  };
}

/** The login form and the question for consent. */
async function interact(
  provider: Provider,
  grants: Map<string, Set<string>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (request.method !== 'POST') {
    const field = prompt.name === 'login' ? '<input name="user" autofocus>' : '';
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(
      `<!doctype html><title>${prompt.name}</title><form method="post">${field}<button>Go on</button><button name="cancel" value="1">Cancel</button></form>`,
    );
    return;
  }
  const form = new URLSearchParams(await textOf(request));
  const result = form.has('cancel')
    ? { error: 'access_denied', error_description: 'the user said no' }
    : prompt.name === 'login'
      ? { login: { accountId: form.get('user') ?? 'nobody' } }
      : { consent: { grantId: await grant() } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });

  async function grant(): Promise<string> {
    const user = session?.accountId ?? '';
    const made = new provider.Grant({ accountId: user, clientId: String(params['client_id']) });
    made.addOIDCScope(String(params['scope']));
    const id = await made.save();
    grants.set(user, new Set([...(grants.get(user) ?? []), id]));
    return id;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request) text += String(piece);
  return text;
}
