import { watch, type FSWatcher } from 'node:fs';
import path from 'node:path';

const retryMs = 2_000;

/**
 * Watches the folders of files. Folders are watched, not files: editors and ConfigMaps replace a file by renaming
 * (Kubernetes swaps a link beside it), which ends a watch on the file itself. A folder that cannot be watched, because it
 * is not there yet or any more, or because its watch has failed, is tried again until it can.
 */
export class FolderWatch {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #folders: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;

  /** `onChange` is called when something may have changed in one of the folders. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** From now on the folders of these files, given by absolute paths, and no others. */
  follow(files: readonly string[]): void {
    this.#folders = new Set(files.map((file) => path.dirname(file)));
    for (const folder of this.#watchers.keys()) if (!this.#folders.has(folder)) this.#drop(folder);
    this.#open();
  }

  stop(): void {
    this.#folders = new Set();
    clearTimeout(this.#timer);
    for (const folder of this.#watchers.keys()) this.#drop(folder);
  }

  /** True when one is watched that was not. */
  #open(): boolean {
    clearTimeout(this.#timer);
    const before = this.#watchers.size;
    for (const folder of this.#folders) if (!this.#watchers.has(folder)) this.#watch(folder);
    if (this.#watchers.size < this.#folders.size) this.#retry();
    return this.#watchers.size > before;
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      // What has changed while nobody looked.
      if (this.#open()) this.#onChange();
    }, retryMs);
    this.#timer.unref();
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, (_, name) => {
        // It is told of itself when it goes or gets another name; the watch stays with what is no longer at this path.
        if (name === path.basename(folder)) this.#lose(folder, watcher);
        this.#onChange();
      });
      watcher.on('error', () => this.#lose(folder, watcher));
      this.#watchers.set(folder, watcher);
    } catch {
      // It is not there, or the system has no more watches: who reads the files says what is missing.
    }
  }

  #lose(folder: string, watcher: FSWatcher): void {
    if (this.#watchers.get(folder) !== watcher) return;
    this.#drop(folder);
    this.#retry();
  }

  #drop(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }
}
