/** Subjects of DESIGN.md that more than one process uses. */
export const subjects = {
  route: 'sluice.route',
  openapi: 'sluice.openapi',
} as const;

/**
 * Header fields of requests to the control API (`sluice.admin.>`): what edges know of the caller besides its identity.
 * Edges take them out of what clients send there.
 */
export const controlFields = { consumer: 'sluice-consumer', key: 'sluice-key' } as const;

/** NATS header names of the raw encoding and of every hop (`docs/wire.md`). Case-sensitive on the wire. */
export const natsHeaders = {
  method: 'Sluice-Method',
  path: 'Sluice-Path',
  query: 'Sluice-Query',
  paramPrefix: 'Sluice-Param-',
  requestId: 'Sluice-Request-Id',
  subject: 'Sluice-Subject',
  deadline: 'Sluice-Deadline',
  headerPrefix: 'Sluice-Header-',
  status: 'Sluice-Status',
  contentType: 'Content-Type',
  traceparent: 'traceparent',
  error: 'Nats-Service-Error',
  errorCode: 'Nats-Service-Error-Code',
} as const;
