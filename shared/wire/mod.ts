export { decodeHead, type RequestHead } from './decode-head.ts';
export { decodeInput, decodeRequest, type RequestInput } from './decode-request.ts';
export { decodeResponse } from './decode-response.ts';
export { WireError } from './error.ts';
export {
  encodeRequest,
  encodeResponse,
  wireVersion,
  type Identity,
  type WireRequest,
  type WireResponse,
} from './envelope.ts';
export { headerValue, headerValues, type FlatHeaders } from './headers.ts';
export { jsonShape, mostJsonDepth } from './json-shape.ts';
export { mostFields } from './parts.ts';
export { controlFields, subjects, natsHeaders } from './subjects.ts';
export { TextMap } from './text-map.ts';
export { hopByHop } from './hop-by-hop.ts';
