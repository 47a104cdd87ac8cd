import { stat } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Bus } from '@sluice/nats';
import {
  applyDocument,
  DocumentError,
  faultSentence,
  formatFault,
  loadDocumentFile,
  type LoadedFile,
} from '@sluice/policy';
import { FolderWatch } from './folder-watch.ts';

/** Editors write in several steps; this much quiet means they are done. */
const settleMs = 100;
const retryMs = 2_000;

export type FileEvent =
  | {
      readonly kind: 'loaded';
      readonly revision: number;
      readonly changed: boolean;
      readonly routes: number;
    }
  /** The file has not changed since a router applied it; another document was applied since, and stays. */
  | { readonly kind: 'kept'; readonly revision: number }
  /** The file cannot be used; what was there before stays. One entry per fault. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  /** The file is fine, KV is out of reach; it is tried again. */
  | { readonly kind: 'not stored'; readonly error: unknown };

/**
 * Loads the gateway document from a file into KV `config`: at start, when it or a list file of it changes, and when
 * {@link reload} is called (SIGHUP). A file with a fault changes nothing, nor does one with the content that a router, be it
 * another one, applied last: a restart must not undo what people have applied since. Loads never overlap.
 */
export class GatewayFile {
  readonly #file: string;
  readonly #bus: Bus;
  readonly #onEvent: (event: FileEvent) => void;
  readonly #folders = new FolderWatch(() => this.#schedule(settleMs));
  #files: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #loading: Promise<void> = Promise.resolve();
  /** Which state of the files was dealt with last: inodes and times of their last change. */
  #settled: string | undefined;
  /** Whether somebody asked for the file, whatever was applied since. */
  #again = false;
  #stopped = false;

  constructor(options: { file: string; bus: Bus; onEvent: (event: FileEvent) => void }) {
    this.#file = path.resolve(options.file);
    this.#files = [this.#file];
    this.#bus = options.bus;
    this.#onEvent = options.onEvent;
  }

  /** Resolves when the file has been read for the first time, valid or not. */
  async start(): Promise<void> {
    this.#folders.follow(this.#files);
    await this.#refresh();
  }

  /** Reads the file and stores it, whatever it held before, and whatever was applied since. */
  reload(): Promise<void> {
    this.#again = true;
    this.#settled = undefined;
    return this.#refresh();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#folders.stop();
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
    // Folders tell of other files too, and of one change more than once: what was applied in another way since must not
    // be undone by that.
    if (this.#settled !== undefined && (await this.#state()) === this.#settled) return;
    const { loaded, state } = await this.#read();
    const again = this.#again;
    this.#again = false;
    if (!loaded.ok) {
      this.#settled = state;
      return this.#onEvent({ kind: 'refused', faults: loaded.faults.map(formatFault) });
    }
    try {
      const name = path.basename(this.#file);
      const { revision, changed, document, inForce } = await applyDocument(this.#bus, loaded.input, {
        expectedRevision: null,
        author: `file ${name}`,
        file: { name, again },
      });
      this.#settled = state;
      if (!inForce) return this.#onEvent({ kind: 'kept', revision });
      this.#onEvent({ kind: 'loaded', revision, changed, routes: document.routes.length });
    } catch (error) {
      if (error instanceof DocumentError) {
        this.#settled = state;
        return this.#onEvent({ kind: 'refused', faults: error.faults.map(faultSentence) });
      }
      this.#settled = undefined;
      this.#again ||= again;
      this.#onEvent({ kind: 'not stored', error });
      this.#schedule(retryMs);
    }
  }

  /** The state is that from before the reading: what changes meanwhile is a change. Once more when the list files are others. */
  async #read(): Promise<{ loaded: LoadedFile; state: string }> {
    for (;;) {
      const state = await this.#state();
      const before = this.#files;
      const loaded = await loadDocumentFile(this.#file);
      this.#files = loaded.files;
      if (!this.#stopped) this.#folders.follow(loaded.files);
      if (isDeepStrictEqual(before, loaded.files)) return { loaded, state };
    }
  }

  async #state(): Promise<string> {
    const states = await Promise.all(
      this.#files.map((file) =>
        stat(file, { bigint: true }).then(
          ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
          () => 'missing',
        ),
      ),
    );
    return states.join('; ');
  }
}
