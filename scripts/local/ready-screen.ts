import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { shellQuote } from './shell-quote.ts';

export interface ScreenFacts {
  readonly gateway: string;
  /** What its clients have to trust, where it speaks TLS. */
  readonly certificateFile: string | undefined;
  /** Address of the live chart, where there is one. */
  readonly chart: string | undefined;
  /** A market to show things with. */
  readonly symbol: string;
  /** One line about where prices come from. */
  readonly feed: string;
  readonly dataDir: string;
  /** The first key of the control API: where it is, and the key itself when it was made just now. */
  readonly adminKey: { readonly file: string | undefined; readonly shown: string | undefined };
  /** Where the checkout is, for commands that need it. */
  readonly project: string;
  /** Whether `curl` is installed; Node does the same otherwise. */
  readonly curl: boolean;
  /** Arguments that scripts need to find another data directory than the usual one. */
  readonly dataDirArgs: string;
}

/** What is shown once when everything runs: addresses, and four things to try that work as they stand. */
export function readyScreen(facts: ScreenFacts): string {
  const { gateway, symbol, certificateFile } = facts;
  const socket = gateway.replace(/^http/, 'ws');
  const trusting = certificateFile === undefined ? '' : `NODE_EXTRA_CA_CERTS='${certificateFile}' `;
  const node = `${trusting}node_modules/.bin/node`;
  const curl = certificateFile === undefined ? 'curl' : `curl --cacert '${certificateFile}'`;
  const get = (target: string): string =>
    facts.curl
      ? `${curl} '${gateway}${target}'`
      : `${node} -e 'fetch("${gateway}${target}").then(r => r.text()).then(console.log)'`;
  const stream = (target: string): string =>
    facts.curl
      ? `${curl} -N '${gateway}${target}'`
      : `${node} -e 'fetch("${gateway}${target}").then(async r => { for await (const c of r.body) process.stdout.write(c) })'`;
  const subscribe = `{id:1,op:"subscribe",channels:["trades.${symbol}"]}`;
  const chart =
    facts.chart === undefined ? '' : `  Live chart     ${facts.chart}   (candles and trades in a browser)\n`;
  return `
  Sluice is ready.

  Gateway        ${gateway}
  API reference  ${gateway}/docs   (OpenAPI: ${gateway}/openapi.json)
  WebSocket/SSE  ${socket}/v1/stream
${chart}  Market feed    ${facts.feed}
  Admin key      ${adminKeyLine(facts.adminKey)}
  Data           ${facts.dataDir}   (addresses and passwords for scripts: endpoints.json)
  Documentation  ${facts.project}/docs/README.md

  Try, in another terminal:   cd ${shellQuote(facts.project)}

  1. REST: the last price and the day of a market
     ${get(`/v1/markets/${symbol}/ticker`)}

  2. WebSocket: every trade as it happens
     ${node} -e 'const s = new WebSocket("${socket}/v1/stream"); s.onopen = () => s.send(JSON.stringify(${subscribe})); s.onmessage = (m) => console.log(m.data)'

  3. The same as Server-Sent Events
     ${stream(`/v1/stream?channels=trades.${symbol}`)}

  4. Add a backend: start it, then call it through the gateway
     npm run --silent with-stack --${facts.dataDirArgs} node examples/backends/node-sdk/main.ts
     ${get('/v1/node/orders/1')}

  Ctrl-C stops everything; the data stays.

`;
}

function adminKeyLine({ file, shown }: ScreenFacts['adminKey']): string {
  if (file === undefined) return 'as SLUICE_ADMIN_KEY or SLUICE_ADMIN_KEY_FILE says';
  return shown === undefined ? `in ${file}` : `${shown}\n                 (shown this once; kept in ${file})`;
}

/** Whether a program is on PATH. */
export async function hasProgram(name: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  for (const directory of (env['PATH'] ?? '').split(path.delimiter).filter(path.isAbsolute)) {
    const found = await access(path.join(directory, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
