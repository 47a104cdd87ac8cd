import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

/**
 * The constraints that the published schemas io.nats.micro.v1.{ping,info,stats}_response put on replies, which the NATS
 * command line checks before it shows anything.
 */
const name = { type: 'string', pattern: '^[a-zA-Z0-9_-]+$', minLength: 1 };
const text = { type: 'string', minLength: 1 };
const int64 = { type: 'integer', minimum: -(2 ** 63), maximum: 2 ** 63 };
const metadata = { type: ['object', 'null'], additionalProperties: { type: 'string' } };
const version = {
  type: 'string',
  minLength: 5,
  pattern:
    '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$',
};
const identity = { name, id: text, version, metadata };

const endpointInfo = {
  type: 'object',
  required: ['name', 'subject'],
  properties: { name, subject: text, metadata, queue_group: { type: 'string' } },
};
const endpointStats = {
  type: 'object',
  required: [
    'name',
    'subject',
    'num_requests',
    'num_errors',
    'last_error',
    'processing_time',
    'average_processing_time',
  ],
  properties: {
    name,
    subject: text,
    queue_group: { type: 'string' },
    num_requests: int64,
    num_errors: int64,
    last_error: { type: 'string' },
    processing_time: int64,
    average_processing_time: int64,
  },
};

export type Verb = 'PING' | 'INFO' | 'STATS';

const schemas: Record<Verb, object> = {
  PING: response('ping', [], { metadata: { type: 'object', additionalProperties: { type: 'string' } } }),
  INFO: response('info', ['description'], {
    description: { type: 'string' },
    endpoints: { type: 'array', items: endpointInfo },
  }),
  STATS: response('stats', ['started', 'endpoints'], {
    started: { type: 'string', format: 'date-time' },
    endpoints: { type: 'array', items: endpointStats },
  }),
};

function response(verb: string, required: string[], properties: object): object {
  return {
    type: 'object',
    required: ['type', 'name', 'id', 'version', ...required],
    properties: { type: { const: `io.nats.micro.v1.${verb}_response` }, ...identity, ...properties },
  };
}

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
addFormats.default(ajv);
const validators = new Map<Verb, ValidateFunction>();

/** What a reply breaks; empty for a valid one. */
export function adr32Faults(verb: Verb, reply: unknown): string[] {
  let validate = validators.get(verb);
  if (!validate) validators.set(verb, (validate = ajv.compile(schemas[verb])));
  if (validate(reply)) return [];
  return (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}
