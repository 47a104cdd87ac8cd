import path from 'node:path';
import { checkTradesFile } from '../feeds/trades-file.ts';
import { controlApiAnswers } from './control-api.ts';
import { firstMarket } from './first-market.ts';
import { GatewayClient } from './gateway-client.ts';
import type { LogView } from './log-view.ts';
import type { StartOptions } from './options.ts';
import { hasProgram, readyScreen } from './ready-screen.ts';
import { shellQuote } from './shell-quote.ts';
import type { LocalStack } from './stack.ts';

const project = path.resolve(import.meta.dirname, '../..');

/** How long the first trade, or the first answer, may take before the screen is shown without it, milliseconds. */
const firstAnswerMs = 20_000;

/** The whole start in its order: check the replay, start servers and services, start the feed, show the screen. */
export async function runStack(
  stack: LocalStack,
  options: StartOptions,
  view: LogView,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const replay =
    options.replay === undefined ? undefined : await checkTradesFile(options.replay, options.venue);
  await stack.start();
  if (options.feed) {
    await warnOfMixture(stack, options, view);
    await stack.startFeed(
      options.replay === undefined
        ? { entry: 'scripts/feeds/simulated.ts', args: [], finishes: false }
        : {
            entry: 'scripts/feeds/replay.ts',
            args: [options.replay, '--speed', String(options.speed), '--venue', options.venue],
            finishes: true,
          },
    );
  }
  const chart = await startChart(stack, options, view);
  const gateway = new GatewayClient(stack.gateway, stack.certificateFile);
  const symbol = await firstMarket(gateway, {
    needTrades: options.feed,
    timeoutMs: firstAnswerMs,
    signal,
  });
  const controlled = await controlApiAnswers(gateway, { timeoutMs: firstAnswerMs, signal });
  if (signal.aborted) return;
  if (!controlled) view.say('start', 'warn', 'the control API does not answer yet; see the lines above');
  if (symbol === undefined && options.feed)
    view.say('start', 'warn', 'no trade has arrived through the gateway yet; see the lines above');
  view.plain(
    readyScreen({
      gateway: stack.gateway,
      certificateFile: stack.certificateFile,
      chart,
      symbol: symbol ?? 'BTCUSDT',
      feed: feedLine(options, replay?.trades ?? 0),
      dataDir: stack.dataDir.path,
      adminKey: stack.firstKey,
      project,
      curl: await hasProgram('curl', env),
      dataDirArgs:
        stack.dataDir.path === path.join(project, '.sluice')
          ? ''
          : ` --data-dir ${shellQuote(stack.dataDir.path)}`,
    }),
  );
}

/** Undefined without it: the rest is worth starting for itself. */
async function startChart(
  stack: LocalStack,
  options: StartOptions,
  view: LogView,
): Promise<string | undefined> {
  if (!options.chart) return undefined;
  try {
    return await stack.startChart();
  } catch (error) {
    view.say('start', 'warn', `no live chart: ${(error as Error).message}`);
    return undefined;
  }
}

function feedLine(options: StartOptions, trades: number): string {
  if (!options.feed) return 'none (--no-feed)';
  if (options.replay === undefined) return 'simulated: a random walk, no real market (venue simulated)';
  const pace = options.speed === 'max' ? 'as fast as it goes' : `${options.speed} × real time`;
  return `replay of ${trades.toLocaleString('en')} recorded trades, ${pace} (${path.basename(options.replay)})`;
}

/** A market is a symbol, so simulated and recorded trades of one symbol end in the same candles. */
async function warnOfMixture(stack: LocalStack, options: StartOptions, view: LogView): Promise<void> {
  const kind = options.replay === undefined ? 'simulated' : 'recorded';
  const kinds = new Set((await stack.dataDir.readJson<string[]>('feeds.json')) ?? []);
  if (kinds.size > 0 && !kinds.has(kind))
    view.say(
      'start',
      'warn',
      `this data directory holds ${[...kinds].join(' and ')} trades and now gets ${kind} ones; --reset or another --data-dir keeps them apart`,
    );
  await stack.dataDir.writeJson('feeds.json', [...kinds.add(kind)]);
}
