import { until } from '@sluice/testing';
import type { Page } from 'playwright-core';
import type { WatchedPage } from './browser.ts';

/** A row of the page's table of candles, every digit as the page got it. */
export interface ShownCandle {
  readonly ts: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
}

/** A row of the tape, and where it stands in its channel. */
export interface ShownTrade {
  readonly id: string;
  readonly seq: number;
  readonly prev: number | null;
}

/** The live chart as its user sees it. What it says of its state is in `data-` attributes of the page. */
export class ChartPage {
  readonly page: Page;
  readonly #watched: WatchedPage;

  constructor(watched: WatchedPage) {
    this.page = watched.page;
    this.#watched = watched;
  }

  /** Opens a market and waits until it is live and has candles. */
  async open(chart: string, symbol: string, interval: string): Promise<void> {
    await this.#watched.goto(`${chart}/?symbol=${symbol}&interval=${interval}`);
    await this.live();
    await this.until('candles', (count) => Number(count) > 0);
    await this.page.locator('#candle-table summary').click();
  }

  state(): Promise<Record<string, string>> {
    return this.page.locator('#app').evaluate((app) => ({ ...(app as unknown as Element).dataset }));
  }

  async until(name: string, holds: (value: string) => boolean, timeoutMs = 30_000): Promise<void> {
    let state: Record<string, string> = {};
    const { complaints } = this.#watched;
    await until(async () => holds((state = await this.state())[name] ?? ''), {
      timeoutMs,
      message: () => `${name}, in ${JSON.stringify({ state, complaints })}`,
    });
  }

  live(): Promise<void> {
    return this.until('connection', (state) => state === 'live');
  }

  /** Newest first. */
  async tape(): Promise<ShownTrade[]> {
    const rows = await this.page
      .locator('#tape tr')
      .evaluateAll((all) => all.map((row) => ({ ...(row as unknown as Element).dataset })));
    return rows.map(({ id = '', seq, prev }) => ({
      id,
      seq: Number(seq),
      prev: prev === 'null' ? null : Number(prev),
    }));
  }

  /** Newest first, up to 30. */
  candles(): Promise<ShownCandle[]> {
    return this.page.locator('#candle-table tbody tr').evaluateAll((rows) =>
      (rows as unknown as Element[]).map((row) => {
        const [open, high, low, close, volume] = [...row.querySelectorAll('td')].map(
          (cell) => cell.dataset['value'] ?? '',
        ) as [string, string, string, string, string];
        return { ts: Number(row.dataset['ts']), open, high, low, close, volume };
      }),
    );
  }

  /** How many of the drawing's pixels have each of these colours of the style sheet. */
  pixels(...names: readonly string[]): Promise<number[]> {
    return this.page.evaluate(countPixels, names);
  }

  async lastPrice(): Promise<string> {
    return this.page.locator('[data-part="last"]').innerText();
  }
}

/** What is used of the browser's types, which this project's own code has not. */
interface Element {
  readonly dataset: Record<string, string>;
  querySelectorAll(selector: string): Iterable<Element>;
}
interface Canvas {
  width: number;
  height: number;
  getContext(
    kind: '2d',
    options: { willReadFrequently: boolean },
  ): {
    drawImage(from: Canvas, x: number, y: number): void;
    getImageData(...area: number[]): { data: Uint8ClampedArray };
  };
}
declare const document: {
  querySelectorAll(selector: string): Iterable<unknown>;
  createElement(name: 'canvas'): Canvas;
  createElement(name: 'i'): { style: { color: string }; remove(): void };
  readonly body: { append(element: unknown): void };
};
declare const getComputedStyle: (element: unknown) => { color: string };

/** Runs in the page. */
function countPixels(names: readonly string[]): number[] {
  const wanted = names.map((name) => {
    const probe = document.createElement('i');
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const rgb = (getComputedStyle(probe).color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
    probe.remove();
    return rgb;
  });
  const counts = names.map(() => 0);
  for (const canvas of document.querySelectorAll('#chart canvas') as Iterable<Canvas>) {
    // Read from a copy: the browser complains when the canvas that the page draws is read again and again.
    const copy = document.createElement('canvas');
    copy.width = canvas.width;
    copy.height = canvas.height;
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    for (let i = 0; i < data.length; i += 4)
      for (const [n, [r, g, b]] of wanted.entries())
        if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255)
          counts[n] = (counts[n] ?? 0) + 1;
  }
  return counts;
}
