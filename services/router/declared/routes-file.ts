import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Bucket } from '@sluice/nats';
import { storeDeclared } from './config-routes.ts';
import { parseRoutesYaml, RoutesFileError } from './yaml.ts';

/** Editors write in several steps; this much quiet means they are done. */
const settleMs = 100;
const retryMs = 2_000;

export type FileEvent =
  | { readonly kind: 'loaded'; readonly routes: number; readonly changed: boolean }
  /** The file cannot be used; what was there before stays. One entry per fault. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  /** The file is fine, KV is out of reach; it is tried again. */
  | { readonly kind: 'not stored'; readonly error: unknown };

/**
 * Loads the file of declared routes into KV `config`: at start, when the file changes, and when {@link reload} is
 * called (SIGHUP). A file with a fault changes nothing. Loads never overlap.
 */
export class RoutesFile {
  readonly #file: string;
  readonly #bucket: Bucket;
  readonly #onEvent: (event: FileEvent) => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #loading: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: { file: string; bucket: Bucket; onEvent: (event: FileEvent) => void }) {
    this.#file = path.resolve(options.file);
    this.#bucket = options.bucket;
    this.#onEvent = options.onEvent;
  }

  /** Resolves when the file has been read for the first time, valid or not. */
  async start(): Promise<void> {
    // The folder is watched, not the file: editors and ConfigMaps replace the file by renaming (Kubernetes swaps a
    // link beside it), which ends a watch on the file itself.
    try {
      this.#watcher = watch(path.dirname(this.#file), () => this.#schedule(settleMs));
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch {
      // Without the folder there is no file: the load says so.
    }
    await this.reload();
  }

  reload(): Promise<void> {
    clearTimeout(this.#timer);
    this.#loading = this.#loading.then(() => this.#load());
    return this.#loading;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#loading;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.reload(), delayMs);
    this.#timer.unref();
  }

  async #load(): Promise<void> {
    if (this.#stopped) return;
    let parsed;
    try {
      parsed = parseRoutesYaml(await readFile(this.#file, 'utf8'), this.#file);
    } catch (error) {
      return this.#onEvent({ kind: 'refused', faults: faultsOf(error) });
    }
    try {
      const changed = await storeDeclared(this.#bucket, parsed.document);
      this.#onEvent({ kind: 'loaded', routes: parsed.routes.length, changed });
    } catch (error) {
      this.#onEvent({ kind: 'not stored', error });
      this.#schedule(retryMs);
    }
  }
}

function faultsOf(error: unknown): readonly string[] {
  if (error instanceof RoutesFileError) return error.faults;
  return [error instanceof Error ? error.message : String(error)];
}
