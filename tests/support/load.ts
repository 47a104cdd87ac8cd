import { until } from '@sluice/testing';
import { HttpClient } from './http.ts';

/** Ten clients that call one path without a pause and keep what came back. */
export class Load {
  readonly #client: HttpClient;
  readonly #done: Promise<unknown>;
  readonly #statuses = new Set<number>();
  readonly #lost: string[] = [];
  readonly #byInstance = new Map<unknown, number>();
  #total = 0;
  #on = true;

  constructor(gateway: string, path: string) {
    this.#client = new HttpClient(gateway, { maxSockets: 10 });
    this.#done = Promise.all(Array.from({ length: 10 }, () => this.#run(path)));
  }

  /** Resolves when so many more requests were answered, by this instance where one is named. */
  async answered(more: number, instance?: number): Promise<void> {
    const count = (): number =>
      instance === undefined ? this.#total : (this.#byInstance.get(instance) ?? 0);
    const goal = count() + more;
    await until(() => count() >= goal, { timeoutMs: 30_000, message: `${goal} answers` });
  }

  async stop(): Promise<{ statuses: number[]; lost: string[] }> {
    this.#on = false;
    await this.#done;
    this.#client.close();
    return { statuses: [...this.#statuses], lost: this.#lost };
  }

  async #run(path: string): Promise<void> {
    while (this.#on)
      try {
        const answer = await this.#client.get(path);
        this.#total++;
        this.#statuses.add(answer.status);
        if (answer.status !== 200) continue;
        const { instance } = answer.json();
        this.#byInstance.set(instance, (this.#byInstance.get(instance) ?? 0) + 1);
      } catch (error) {
        this.#lost.push(String(error));
      }
  }
}
