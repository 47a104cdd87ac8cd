export {
  channelOf,
  channelRule,
  covers,
  isChannel,
  isChannelToken,
  isPattern,
  matchesPattern,
  overlaps,
  patternRule,
  publishSubject,
  updateSubject,
} from './channel.ts';
export {
  candlesChannel,
  channelPolicy,
  policies,
  quotesChannel,
  tickerChannel,
  tradesChannel,
  type ChannelPolicy,
} from './policy.ts';
export { defaultLiveHistory, defaultLiveMaxBytes, epochOf, liveStream, liveStreamName } from './stream.ts';
