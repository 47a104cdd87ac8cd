import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const page = path.join(import.meta.dirname, 'page');
const library = path.join(
  path.dirname(fileURLToPath(import.meta.resolve('lightweight-charts/package.json'))),
  'dist/lightweight-charts.standalone.production.mjs',
);

const style = 'text/css; charset=utf-8';
const styles = ['base.css', 'header.css', 'chart.css', 'tables.css'];
const script = 'text/javascript; charset=utf-8';
const scripts = [
  'api.js',
  'candle-book.js',
  'candle-chart.js',
  'candle-feed.js',
  'candle-table.js',
  'connection-bar.js',
  'decimal.js',
  'live-stream.js',
  'main.js',
  'page-state.js',
  'pickers.js',
  'reconnection.js',
  'theme.js',
  'ticker-header.js',
  'trade-tape.js',
];

/** Everything this server has, by path: a name that is not here is not there, so there is no path to escape from. */
const files: ReadonlyMap<string, { readonly file: string; readonly type: string }> = new Map([
  ['/', { file: path.join(page, 'index.html'), type: 'text/html; charset=utf-8' }],
  ['/icon.svg', { file: path.join(page, 'icon.svg'), type: 'image/svg+xml' }],
  ['/vendor/lightweight-charts.js', { file: library, type: script }],
  ...styles.map((name) => [`/${name}`, { file: path.join(page, name), type: style }] as const),
  ...scripts.map((name) => [`/${name}`, { file: path.join(page, name), type: script }] as const),
]);

/** The page loads nothing from elsewhere, runs nothing inline, talks to its own origin only, and is in nobody's frame. */
const headers = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // Read anew each time: whoever edits the page reloads it and sees the change.
  'cache-control': 'no-store',
};

export async function answerFile(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const found = files.get((request.url ?? '').split('?', 1)[0] as string);
  if (!found) return void response.writeHead(404, headers).end();
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return void response.writeHead(405, { ...headers, allow: 'GET, HEAD' }).end();
  try {
    const content = await readFile(found.file);
    response.writeHead(200, { ...headers, 'content-type': found.type, 'content-length': content.length });
    response.end(request.method === 'HEAD' ? undefined : content);
  } catch {
    response.writeHead(500, headers).end();
  }
}
