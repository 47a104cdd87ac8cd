import { SluiceError } from '@sluice/errors';
import { headerValues, type FlatHeaders } from '@sluice/wire';

/** RFC 9110 section 5.6.2: the only text of the client's that the refusal repeats. */
const token = /^[!#$%&'*+.^_`|~0-9a-z-]{1,40}$/;

/**
 * For who reads a body. The gateway decodes none, so a coded one would be read as nonsense. Throws SluiceError
 * `unsupported_media_type` that names the coding and says what is taken (RFC 9110 section 15.5.16).
 */
export function refuseCodedBody(headers: FlatHeaders): void {
  for (const value of headerValues(headers, 'content-encoding'))
    for (const item of value.toLowerCase().split(',')) {
      const coding = item.trim();
      if (coding === '' || coding === 'identity') continue;
      const named = token.test(coding) ? `content coding ${coding}` : 'a content coding';
      throw new SluiceError('unsupported_media_type', `The body has ${named}; bodies are not decoded here.`, {
        headers: { 'accept-encoding': 'identity' },
      });
    }
}
