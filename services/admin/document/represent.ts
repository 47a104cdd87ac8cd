import { reply, type Reply } from '@sluice/service';
import { headerValues, type WireRequest } from '@sluice/wire';
import { noStore } from '../http/answer.ts';
import { etag, notModified } from '../http/precondition.ts';

type Format = 'json' | 'yaml';

/** A document as JSON or YAML, as `Accept` asks, with its revision in the entity tag; 304 for who has it. */
export async function represent(
  request: WireRequest,
  input: unknown,
  revision: number,
  asYaml: (input: unknown) => Promise<string>,
): Promise<Reply> {
  const format = formatOf(request);
  const tag = etag(revision, format === 'yaml' ? 'yaml' : '');
  const headers = { ...noStore, etag: tag, vary: 'accept' };
  if (notModified(request, tag)) return reply({ status: 304, headers });
  return format === 'yaml'
    ? reply({ headers: { ...headers, 'content-type': 'application/yaml' }, body: await asYaml(input) })
    : reply({ headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(input) });
}

/** RFC 9110 section 12.5.1, for two formats: the one with the higher weight, JSON where they weigh the same. */
function formatOf(request: WireRequest): Format {
  const accepted = headerValues(request.headers, 'accept').join(',').toLowerCase().split(',');
  const weights = { json: 0, yaml: 0 };
  for (const range of accepted) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    const weight = quality === undefined ? 1 : Number(quality) || 0;
    const format = formats[type];
    if (format !== undefined) weights[format] = Math.max(weights[format], weight);
  }
  return weights.yaml > weights.json ? 'yaml' : 'json';
}

const formats: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/x-yaml': 'yaml',
  'text/yaml': 'yaml',
};
