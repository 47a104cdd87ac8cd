import { formatDecimal, priceScale, type Side, type Trade } from '@sluice/market';

/** What a simulated market looks like. */
export interface WalkSpec {
  readonly symbol: string;
  /** Where the price starts when there is no earlier trade. */
  readonly price: number;
  /** Digits after the point of prices and of sizes. */
  readonly priceDigits: number;
  readonly sizeDigits: number;
  /** A usual size of one trade. */
  readonly size: number;
  /** Trades per second on average, in bursts. */
  readonly rate: number;
}

/** Standard deviation of one step of the price, as a share of it: about 2 % an hour at these rates. */
const volatility = 0.00012;
/** How strongly the price is drawn back to where it started, so that a week-old demonstration still looks like one. */
const pull = 0.000002;

/** A market that follows a random walk. Uniform random numbers come from `random`, so that a test can repeat it. */
export class RandomWalk {
  readonly spec: WalkSpec;
  readonly #random: () => number;
  #price: number;
  #side: Side = 'buy';
  #lastId = 0;

  constructor(spec: WalkSpec, random: () => number, lastPrice?: number) {
    this.spec = spec;
    this.#random = random;
    this.#price = lastPrice ?? spec.price;
  }

  /** Milliseconds until the next burst: exponential, as for independent traders. */
  nextDelayMs(): number {
    return (-Math.log(1 - this.#random()) * 1000 * averageBurst) / this.spec.rate;
  }

  /** The trades of one moment: often one, sometimes an order that takes several from the book. Ids only grow. */
  burst(now: number): Trade[] {
    if (this.#random() < 0.4) this.#side = this.#side === 'buy' ? 'sell' : 'buy';
    const count = this.#random() < 0.75 ? 1 : 2 + Math.floor(this.#random() * 3);
    return Array.from({ length: count }, () => this.#trade(now));
  }

  #trade(ts: number): Trade {
    const { spec } = this;
    const toStart = pull * Math.log(spec.price / this.#price);
    this.#price *= Math.exp(toStart + volatility * this.#normal());
    const size = spec.size * Math.exp(1.2 * this.#normal());
    this.#lastId = Math.max(this.#lastId + 1, ts * 1000);
    return {
      id: String(this.#lastId),
      ts,
      price: decimal(this.#price, spec.priceDigits),
      size: decimal(size, spec.sizeDigits),
      side: this.#side,
    };
  }

  /** Box–Muller. */
  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}

/** Mean of what `burst` answers: 0.75 × 1 + 0.25 × 3. */
const averageBurst = 1.5;

/** Canonical decimal of that many digits, never zero: the smallest step instead. */
function decimal(value: number, digits: number): string {
  const steps = BigInt(Math.max(1, Math.round(value * 10 ** digits)));
  return formatDecimal(steps * 10n ** BigInt(priceScale - digits), priceScale);
}
