import { errorCodes, problemContentType } from '@sluice/errors';

/** RFC 9457 problem document as the gateway and the SDK write it. */
export const problemSchema = {
  type: 'object',
  description: 'What went wrong, as a problem document (RFC 9457).',
  required: ['type', 'title', 'status', 'code', 'detail', 'request_id'],
  properties: {
    type: { type: 'string', description: 'URN of the kind of problem.' },
    title: { type: 'string' },
    status: { type: 'integer', minimum: 400, maximum: 599 },
    code: {
      type: 'string',
      description: `The gateway's own codes: ${Object.keys(errorCodes).join(', ')}.`,
    },
    detail: { type: 'string', description: 'What happened this time.' },
    request_id: { type: 'string', description: 'Finds the request in the logs.' },
    errors: {
      type: 'array',
      description: 'Every place of the request that is invalid.',
      items: {
        type: 'object',
        required: ['in', 'pointer', 'detail'],
        properties: {
          in: { type: 'string', enum: ['path', 'query', 'header', 'body'] },
          pointer: { type: 'string', description: 'JSON pointer (RFC 6901) inside that part.' },
          detail: { type: 'string' },
        },
      },
    },
  },
};

export const problemResponse = {
  description: 'The request could not be answered.',
  content: { [problemContentType]: { schema: { $ref: '#/components/schemas/Problem' } } },
};
