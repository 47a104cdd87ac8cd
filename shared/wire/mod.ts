export {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  WireError,
  wireVersion,
  type Identity,
  type WireRequest,
  type WireResponse,
} from './envelope.ts';
export { headerValue, headerValues, type FlatHeaders } from './headers.ts';
export { subjects, natsHeaders } from './subjects.ts';
