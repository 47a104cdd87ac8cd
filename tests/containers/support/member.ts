import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { until } from '@sluice/testing';
import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedNetwork,
  type StartedTestContainer,
  Wait,
} from 'testcontainers';

export interface MemberOptions {
  readonly image: string;
  /** Name of the container in the network. */
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly network: StartedNetwork;
  readonly env?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  /** Container ports, and the ports of this machine that they keep through every restart. */
  readonly ports: Readonly<Record<number, number>>;
  readonly files?: readonly { source: string; target: string }[];
  /** Root file system of the container; default read-only, with nothing to write to. */
  readonly writable?: boolean;
  /** Answers whether it is ready for work, asked until it says so. */
  readonly ready: (member: Member) => Promise<boolean>;
}

/** One container of a cluster, which can be killed, stopped in order and started again with what it had on disk. */
export class Member {
  readonly name: string;
  readonly #options: MemberOptions;
  readonly #container: StartedTestContainer;

  private constructor(options: MemberOptions, container: StartedTestContainer) {
    this.name = options.name;
    this.#options = options;
    this.#container = container;
  }

  static async start(options: MemberOptions): Promise<Member> {
    const container = new MemberContainer(options.image)
      .withNetwork(options.network)
      .withNetworkAliases(options.name, ...(options.aliases ?? []))
      .withEnvironment({ ...options.env })
      .withExposedPorts(
        ...Object.entries(options.ports).map(([container, host]) => ({ container: Number(container), host })),
      )
      .withCopyFilesToContainer([...(options.files ?? [])])
      // `ready` decides, not the image's own health check: its logs are kept where it fails.
      .withWaitStrategy(Wait.forAll([]))
      .withStartupTimeout(120_000);
    if (options.command) container.withCommand([...options.command]);
    if (options.writable !== true) container.withReadOnlyRoot();
    const member = new Member(options, await container.start());
    try {
      await member.ready();
    } catch (error) {
      const logs = (await member.logs()).slice(-2_000);
      await member.remove();
      throw new Error(`${options.name} did not become ready; its last words:\n${logs}`, { cause: error });
    }
    return member;
  }

  url(port: number): string {
    return `http://127.0.0.1:${this.#options.ports[port]}`;
  }

  async ready(): Promise<void> {
    const docker = await this.#docker();
    const ready = async (): Promise<true | 'ended' | false> => {
      if (await this.#options.ready(this)) return true;
      return (await docker.inspect()).State.Running ? false : 'ended';
    };
    const outcome = await until(ready, {
      timeoutMs: 90_000,
      everyMs: 200,
      message: `${this.name} is ready`,
    });
    if (outcome === 'ended') throw new Error(`${this.name} ended instead of becoming ready`);
  }

  /** SIGKILL: what a crash of the machine leaves behind. Resolves when it is gone. */
  async kill(): Promise<void> {
    const container = await this.#docker();
    await container.kill();
    await container.wait();
  }

  /** SIGTERM, or the signal given; resolves with the exit code. */
  async stop(signal = 'SIGTERM'): Promise<number> {
    const container = await this.#docker();
    const ended = container.wait() as Promise<{ StatusCode: number }>;
    await container.kill({ signal });
    return (await ended).StatusCode;
  }

  /** After `kill` or `stop`; the container has its files and ports as before. Resolves when it is ready for work. */
  async startAgain(): Promise<void> {
    const container = await this.#docker();
    await container.start();
    await this.ready();
  }

  /** What the engine says of the image's own health check. */
  async health(): Promise<string> {
    const state = (await (await this.#docker()).inspect()).State as { Health?: { Status: string } };
    return state.Health?.Status ?? 'none';
  }

  async run(...command: string[]): Promise<{ output: string; exitCode: number }> {
    return await this.#container.exec(command);
  }

  /** Everything it wrote so far. */
  async logs(): Promise<string> {
    const stream: Readable = await this.#container.logs();
    const pieces: Buffer[] = [];
    stream.on('data', (piece: Buffer | string) => pieces.push(Buffer.from(piece)));
    await once(stream, 'end');
    return Buffer.concat(pieces).toString();
  }

  async remove(): Promise<void> {
    await this.#container.stop({ timeout: 0 });
  }

  async #docker() {
    const client = await getContainerRuntimeClient();
    return client.container.getById(this.#container.getId());
  }
}

class MemberContainer extends GenericContainer {
  withReadOnlyRoot(): this {
    this.hostConfig.ReadonlyRootfs = true;
    this.hostConfig.CapDrop = ['ALL'];
    this.hostConfig.SecurityOpt = ['no-new-privileges:true'];
    return this;
  }
}
