/** One endpoint of an ADR-32 STATS reply. Times are whole nanoseconds: the NATS command line refuses fractions. */
export interface EndpointStatsDocument {
  readonly name: string;
  readonly subject: string;
  readonly queue_group: string;
  readonly num_requests: number;
  readonly num_errors: number;
  readonly last_error: string;
  readonly processing_time: number;
  readonly average_processing_time: number;
}

/** STATS replies are read by people in a terminal: a long error would push everything else off the screen. */
const longestError = 200;
const nanosPerMilli = 1e6;

/** Counters of one endpoint of one instance. */
export class EndpointStats {
  #requests = 0;
  #errors = 0;
  #lastError = '';
  #millis = 0;

  received(): void {
    this.#requests++;
  }

  /** Time from receipt to answer, as `performance.now()` differences give it. */
  took(millis: number): void {
    this.#millis += millis;
  }

  /** An error the endpoint raised. Answers that a handler made itself are not errors, whatever their status. */
  failed(code: number, description: string): void {
    this.#errors++;
    this.#lastError = `${code}:${description}`.slice(0, longestError);
  }

  reset(): void {
    this.#requests = 0;
    this.#errors = 0;
    this.#lastError = '';
    this.#millis = 0;
  }

  document(name: string, subject: string, queue: string): EndpointStatsDocument {
    const total = Math.round(this.#millis * nanosPerMilli);
    return {
      name,
      subject,
      queue_group: queue,
      num_requests: this.#requests,
      num_errors: this.#errors,
      last_error: this.#lastError,
      processing_time: total,
      average_processing_time: this.#requests === 0 ? 0 : Math.trunc(total / this.#requests),
    };
  }
}
