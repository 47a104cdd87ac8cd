import {
  CandlestickSeries,
  ColorType,
  createChart,
  CrosshairMode,
  HistogramSeries,
} from './vendor/lightweight-charts.js';
import { placesOf, showAmount, showDecimal, showOnAxis } from './decimal.js';

/**
 * @typedef {import('./api.js').Candle} Candle
 * @typedef {import('./candle-book.js').CandleBook} CandleBook
 */

/** Bars that may be left of the visible ones before older ones are asked for. */
const reserve = 40;
/** Digits after the point that the gateway's decimals have at most. */
const mostPlaces = 18;
/** Pixels that a candle has with the space beside it. */
const usual = 8;
const widest = 22;
/** Bars of free space after the newest. */
const margin = 4;

/** The drawing: candles, volume below them, what the pointer is on. Numbers here are for pixels only. */
export class CandleChart {
  #place;
  #legend;
  #chart;
  #candles;
  #volume;
  /** @type {CandleBook | null} */
  #book = null;
  #places = -1;
  #colors = colors();
  /** The candle under the pointer. @type {number | null} */
  #pointed = null;
  /** Redrawing from scratch is due. */
  #stale = false;
  /** The view has been set for what is shown now. */
  #fitted = false;

  constructor(
    /** @type {{ place: HTMLElement, legend: HTMLElement, onOlder: () => void, onScroll: (atEnd: boolean) => void }} */ {
      place,
      legend,
      onOlder,
      onScroll,
    },
  ) {
    this.#place = place;
    this.#legend = legend;
    this.#chart = createChart(place, {
      autoSize: true,
      // The library's logo brings an inline style, which this page's policy forbids: the attribution is in the footer.
      layout: { attributionLogo: false },
      crosshair: { mode: CrosshairMode.Normal },
      timeScale: { rightOffset: margin, barSpacing: usual, minBarSpacing: 1 },
      handleScale: { axisPressedMouseMove: true },
    });
    this.#candles = this.#chart.addSeries(CandlestickSeries);
    this.#volume = this.#chart.addSeries(HistogramSeries, {
      priceScaleId: 'volume',
      priceFormat: { type: 'volume' },
      lastValueVisible: false,
      priceLineVisible: false,
    });
    this.#candles.priceScale().applyOptions({ scaleMargins: { top: 0.12, bottom: 0.22 } });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 0.84, bottom: 0 } });
    place.firstElementChild?.setAttribute('aria-hidden', 'true');
    const time = this.#chart.timeScale();
    time.subscribeVisibleLogicalRangeChange((range) => {
      if (range && range.from < reserve) onOlder();
      onScroll(time.scrollPosition() > -1);
    });
    this.#chart.subscribeCrosshairMove(({ time: at }) => {
      this.#pointed = typeof at === 'number' ? at * 1_000 : null;
      this.#showLegend();
    });
    place.addEventListener('keydown', (event) => this.#onKey(event));
    this.restyle();
  }

  /** Another market or interval. */
  show(/** @type {CandleBook} */ book, /** @type {string} */ interval) {
    this.#book = book;
    this.#places = -1;
    this.#chart.timeScale().applyOptions({
      timeVisible: /[smh]$/.test(interval),
      secondsVisible: interval.endsWith('s'),
    });
    this.#fitted = false;
    this.redraw();
  }

  /** Everything may be another; the view stays where it is. */
  redraw() {
    const candles = this.#book?.candles ?? [];
    this.#stale = false;
    for (const candle of candles) this.#measure(candle);
    this.#candles.setData(candles.map(bar));
    this.#volume.setData(candles.map((candle) => this.#volumeBar(candle)));
    this.#showLegend();
    // Once, with the first history that comes.
    if (this.#fitted || candles.length < 2) return;
    this.#fitted = true;
    this.#fit();
  }

  /** One candle is new or another. */
  update(/** @type {Candle} */ candle, /** @type {boolean} */ newest) {
    if (!newest) {
      // Many late trades make one drawing.
      if (!this.#stale) requestAnimationFrame(() => this.redraw());
      this.#stale = true;
      return;
    }
    this.#measure(candle);
    this.#candles.update(bar(candle));
    this.#volume.update(this.#volumeBar(candle));
    this.#showLegend();
  }

  scrollToEnd() {
    this.#chart.timeScale().scrollToPosition(margin, false);
  }

  /** Candles of the usual width; wider ones where there are too few to fill the chart. */
  #fit() {
    const time = this.#chart.timeScale();
    const filling = time.width() / ((this.#book?.size ?? 0) + 2 * margin);
    time.applyOptions({ barSpacing: Math.min(widest, Math.max(usual, filling)) });
    this.scrollToEnd();
  }

  /** Takes the colours of the page. */
  restyle() {
    const c = (this.#colors = colors());
    this.#chart.applyOptions({
      layout: {
        background: { type: ColorType.Solid, color: c.surface },
        textColor: c.muted,
        fontFamily: getComputedStyle(document.body).fontFamily,
        fontSize: 12,
      },
      grid: { vertLines: { color: c.grid }, horzLines: { color: c.grid } },
      rightPriceScale: { borderColor: c.line },
      timeScale: { borderColor: c.line },
      crosshair: {
        vertLine: { color: c.muted, labelBackgroundColor: c.label },
        horzLine: { color: c.muted, labelBackgroundColor: c.label },
      },
    });
    this.#candles.applyOptions({
      upColor: c.up,
      downColor: c.down,
      wickUpColor: c.up,
      wickDownColor: c.down,
      borderVisible: false,
    });
    this.redraw();
  }

  /** Fits the axis to the digits that prices of this market have. */
  #measure(/** @type {Candle} */ { open, high, low, close }) {
    const places = Math.min(mostPlaces, Math.max(...[open, high, low, close].map(placesOf)));
    if (places <= this.#places) return;
    this.#places = places;
    this.#candles.applyOptions({
      priceFormat: {
        type: 'custom',
        minMove: 10 ** -places,
        base: 10 ** places,
        formatter: (/** @type {number} */ price) => showOnAxis(price, places),
      },
    });
  }

  #volumeBar(/** @type {Candle} */ candle) {
    const { upVolume, downVolume } = this.#colors;
    const rising = Number(candle.close) >= Number(candle.open);
    return { time: timeOf(candle), value: Number(candle.volume), color: rising ? upVolume : downVolume };
  }

  /** The candle under the pointer, else the newest, with every digit. */
  #showLegend() {
    const pointed = this.#pointed === null ? undefined : this.#book?.at(this.#pointed);
    const candle = pointed ?? this.#book?.last;
    if (!candle) return this.#legend.replaceChildren();
    const { open, high, low, close, volume, trades } = candle;
    const rising = Number(close) >= Number(open);
    const places = Math.max(0, this.#places);
    /** @type {[string, string][]} */
    const parts = [
      ['O', showDecimal(open, places)],
      ['H', showDecimal(high, places)],
      ['L', showDecimal(low, places)],
      ['C', showDecimal(close, places)],
      ['Vol', showAmount(volume)],
      ['Trades', trades.toLocaleString('en')],
    ];
    this.#legend.dataset['direction'] = rising ? 'up' : 'down';
    this.#legend.replaceChildren(
      ...parts.map(([name, value]) => {
        const part = document.createElement('span');
        const figure = document.createElement('b');
        figure.textContent = value;
        part.append(`${name} `, figure);
        return part;
      }),
    );
  }

  #onKey(/** @type {KeyboardEvent} */ event) {
    if (event.target !== this.#place || event.ctrlKey || event.metaKey || event.altKey) return;
    const time = this.#chart.timeScale();
    const { barSpacing } = time.options();
    const step = event.shiftKey ? 50 : 10;
    /** @type {Record<string, () => void>} */
    const actions = {
      ArrowLeft: () => time.scrollToPosition(time.scrollPosition() - step, false),
      ArrowRight: () => time.scrollToPosition(Math.min(margin, time.scrollPosition() + step), false),
      '+': () => time.applyOptions({ barSpacing: Math.min(60, barSpacing * 1.25) }),
      '-': () => time.applyOptions({ barSpacing: Math.max(1, barSpacing / 1.25) }),
      End: () => this.scrollToEnd(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

function timeOf(/** @type {Candle} */ { ts }) {
  return /** @type {import('./vendor/lightweight-charts.js').UTCTimestamp} */ (ts / 1_000);
}

function bar(/** @type {Candle} */ candle) {
  return {
    time: timeOf(candle),
    open: Number(candle.open),
    high: Number(candle.high),
    low: Number(candle.low),
    close: Number(candle.close),
  };
}

/** The style sheet's colours as they are now: it knows light and dark. */
function colors() {
  const probe = document.body.appendChild(document.createElement('i'));
  const color = (/** @type {string} */ name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const found = {
    surface: color('surface'),
    muted: color('muted'),
    grid: color('grid'),
    line: color('line'),
    label: color('label'),
    up: color('up'),
    down: color('down'),
    upVolume: color('up-volume'),
    downVolume: color('down-volume'),
  };
  probe.remove();
  return found;
}
