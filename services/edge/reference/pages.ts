import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { SluiceError } from '@sluice/errors';
import { headerValue, type FlatHeaders } from '@sluice/wire';
import type { Exchange } from '../exchange.ts';
import { indexPage, pageStyle, startScript } from './index-page.ts';

interface Page {
  readonly headers: FlatHeaders;
  readonly plain: Buffer;
  readonly zipped: Buffer;
  readonly etag: string;
}

/** The API reference under `/docs`: a fixed list of pages, held in memory. */
export interface ReferencePages {
  /** Settles an exchange whose path is `/docs` or below. Throws SluiceError `not_found` for all but the listed files. */
  answer(exchange: Exchange): void;
}

const html = 'text/html; charset=utf-8';
const script = 'text/javascript; charset=utf-8';
const style = 'text/css; charset=utf-8';

/** Taken from swagger-ui-dist as they are. */
const vendored: readonly (readonly [name: string, type: string])[] = [
  ['swagger-ui.css', style],
  ['swagger-ui-bundle.js', script],
  ['favicon-32x32.png', 'image/png'],
];

/**
 * Scripts, styles, fonts and calls only from the gateway itself; images also inline, because Swagger UI's style sheet
 * holds them as data URLs. Styles set by script are not restricted by `style-src`.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Reads the files once, at start. Rejects when swagger-ui-dist is not installed. */
export async function referencePages(): Promise<ReferencePages> {
  const folder = join(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'), '..');
  const pages = new Map<string, Page>();
  const add = async (path: string, type: string, content: Buffer): Promise<void> => {
    const etag = `W/"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    const headers = pairs([
      ['content-type', type],
      // The names carry no version, so a browser asks whether its copy is still the one.
      ['cache-control', 'public, no-cache'],
      ['etag', etag],
      ['vary', 'accept-encoding'],
      ['content-security-policy', policy],
      ['x-content-type-options', 'nosniff'],
      ['referrer-policy', 'no-referrer'],
    ]);
    pages.set(path, { headers, plain: content, zipped: await promisify(gzip)(content), etag });
  };
  await add('/docs', html, Buffer.from(indexPage));
  await add('/docs/', html, Buffer.from(indexPage));
  await add('/docs/sluice.js', script, Buffer.from(startScript));
  await add('/docs/sluice.css', style, Buffer.from(pageStyle));
  for (const [name, type] of vendored) await add(`/docs/${name}`, type, await readFile(join(folder, name)));
  return {
    answer(exchange) {
      const page = pages.get(exchange.path);
      if (!page) throw new SluiceError('not_found', 'The API reference has no such page.');
      const request = exchange.fields.endToEnd;
      if (matches(request, page.etag)) return exchange.answer(304, page.headers);
      if (!acceptsGzip(request)) return exchange.answer(200, page.headers, page.plain);
      return exchange.answer(200, [...page.headers, 'content-encoding', 'gzip'], page.zipped);
    },
  };
}

function pairs(fields: readonly (readonly [name: string, value: string])[]): FlatHeaders {
  return fields.flat();
}

/** RFC 9110 section 13.1.2, weak comparison. */
function matches(headers: FlatHeaders, etag: string): boolean {
  const value = headerValue(headers, 'if-none-match');
  if (value === undefined) return false;
  const weak = etag.slice(2);
  return value.split(',').some((entry) => [etag, weak, '*'].includes(entry.trim()));
}

function acceptsGzip(headers: FlatHeaders): boolean {
  const value = headerValue(headers, 'accept-encoding') ?? '';
  return value
    .split(',')
    .some((entry) => /^\s*gzip\s*(?:;\s*q=(?:1(?:\.0*)?|0\.\d*[1-9]\d*))?\s*$/i.test(entry));
}
