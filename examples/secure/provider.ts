/**
 * An OpenID provider to try logins with: `node examples/secure/provider.ts [--port 9400] [--gateway http://127.0.0.1:8080]`.
 * Whoever comes may log in by any name, without a password. For this machine only.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import { Provider, type InteractionResults } from 'oidc-provider';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '9400' },
    gateway: { type: 'string', default: process.env['SLUICE_URL'] ?? 'http://127.0.0.1:8080' },
  },
});

const server = createServer();
await new Promise<void>((resolve, reject) => {
  server.once('error', reject);
  // Another host name than the gateway's: browsers keep cookies by host, whatever the port.
  server.listen(Number(values.port), 'localhost', resolve);
});
const issuer = `http://localhost:${(server.address() as AddressInfo).port}`;

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'sluice-demo',
      // A public client: PKCE stands in for a secret.
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${values.gateway}/auth/demo/callback`],
      post_logout_redirect_uris: [`${values.gateway}/secure`],
      id_token_signed_response_alg: 'ES256',
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [randomBytes(16).toString('hex')] },
  pkce: { required: () => true },
  features: { devInteractions: { enabled: false } },
  ttl: {
    Session: 3_600,
    Grant: 3_600,
    Interaction: 600,
    AccessToken: 300,
    IdToken: 300,
    RefreshToken: 3_600,
  },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
});

server.on('request', (request, response) => {
  if (!request.url?.startsWith('/interaction/')) {
    void provider.callback()(request, response);
    return;
  }
  interact(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
});

/** The form for a name. Consent is not asked for: there is one application, and it is yours. */
async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'consent') {
    const grant = new provider.Grant({
      accountId: session?.accountId ?? '',
      clientId: String(params['client_id']),
    });
    grant.addOIDCScope(String(params['scope']));
    return finish({ consent: { grantId: await grant.save() } });
  }
  if (request.method === 'POST') {
    let text = '';
    for await (const piece of request) text += String(piece);
    const name = new URLSearchParams(text).get('name') ?? '';
    if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return finish({ login: { accountId: name } });
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Demo login</title>
<h1>Demo login</h1>
<form method="post">
  <label>Name <input name="name" pattern="[A-Za-z0-9_\\-]+" maxlength="64" required autofocus></label> <button>Log in</button>
</form>
<p>Letters, digits, "_" and "-". Nobody asks for a password here.</p></html>`);
  return undefined;

  async function finish(result: InteractionResults): Promise<void> {
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
}

console.log(`ready: OpenID provider at ${issuer}, for the gateway at ${values.gateway}`);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(0));
