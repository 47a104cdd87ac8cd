export { decodeRequest, decodeResponse, mostFields } from './decode.ts';
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
export { subjects, natsHeaders } from './subjects.ts';
export { TextMap } from './text-map.ts';
