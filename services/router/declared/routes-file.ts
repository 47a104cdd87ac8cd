import { watch, type FSWatcher } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
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
  /** Which state of the file was dealt with last: inode and time of its last change. */
  #settled: string | undefined;
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

  /** Reads the file and stores it, whatever it held before. */
  reload(): Promise<void> {
    this.#settled = undefined;
    return this.#refresh();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#watcher?.close();
    await this.#loading;
  }

  #refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#loading = this.#loading.then(() => this.#load());
    return this.#loading;
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#refresh(), delayMs);
    this.#timer.unref();
  }

  async #load(): Promise<void> {
    if (this.#stopped) return;
    let state;
    let parsed;
    try {
      const { ino, mtimeNs } = await stat(this.#file, { bigint: true });
      state = `${ino} ${mtimeNs}`;
      // The folder tells of other files too, and of one change more than once: what was written into KV by hand since
      // must not be undone by that.
      if (state === this.#settled) return undefined;
      parsed = parseRoutesYaml(await readFile(this.#file, 'utf8'), this.#file);
    } catch (error) {
      this.#settled = state;
      return this.#onEvent({ kind: 'refused', faults: faultsOf(error) });
    }
    try {
      const changed = await storeDeclared(this.#bucket, parsed.document);
      this.#settled = state;
      this.#onEvent({ kind: 'loaded', routes: parsed.routes.length, changed });
    } catch (error) {
      this.#settled = undefined;
      this.#onEvent({ kind: 'not stored', error });
      this.#schedule(retryMs);
    }
  }
}

function faultsOf(error: unknown): readonly string[] {
  if (error instanceof RoutesFileError) return error.faults;
  return [error instanceof Error ? error.message : String(error)];
}
