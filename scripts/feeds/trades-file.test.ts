import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realData } from '@sluice/testing';
import { UserError } from '../local/user-error.ts';
import { checkTradesFile, readTradesFile, type FileTrade } from './trades-file.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'sluice-trades-'));
});
afterAll(() => rm(directory, { recursive: true }));

const header = 'ts_ms,symbol,trade_id,price,size,side,recv_ns';
const good = '1723161255342,BTCUSDT,3735683259,61837.630,0.02,sell,1723161254087896568';
const sample = 'trades_binance_20240808.csv';

async function write(text: string): Promise<string> {
  const file = path.join(directory, `${Math.random()}.csv`);
  await writeFile(file, text);
  return file;
}

async function read(text: string): Promise<FileTrade[]> {
  const trades: FileTrade[] = [];
  for await (const trade of readTradesFile(await write(text), 'binance')) trades.push(trade);
  return trades;
}

describe('a trades file', () => {
  it('is read in its order, decimals canonical', async () => {
    expect(await read(`${header}\n${good}\n`)).toEqual([
      {
        venue: 'binance',
        symbol: 'BTCUSDT',
        trade: { id: '3735683259', ts: 1723161255342, price: '61837.63', size: '0.02', side: 'sell' },
      },
    ]);
  });

  it('may have quotes, also around commas, and columns of one name that do not count', async () => {
    const text =
      '"ts_ms","symbol","trade_id",note,"price","size","side",note\n5,"BTCUSDT",1,"a ""big"", fast one",1,"2",buy,\n';
    expect(await read(text)).toEqual([
      { venue: 'binance', symbol: 'BTCUSDT', trade: { id: '1', ts: 5, price: '1', size: '2', side: 'buy' } },
    ]);
    await expect(read(`${header}\n5,"BTCUSDT,1,1,1,buy,1\n`)).rejects.toThrow(
      /, line 2: its quotes do not match$/,
    );
  });

  it('is a file that can be read twice, and no pipe', async () => {
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(checkTradesFile(pipe, 'binance')).rejects.toThrow(`${pipe} is no regular file`);
  });

  it('may have its columns in any order, a venue, others, CRLF and a byte order mark', async () => {
    const text =
      '\uFEFFside,venue,ts_ms,symbol,note,trade_id,price,size\r\nbuy,kraken,5,ETHUSDT,hello,a-1,1,2\r\n\r\n';
    expect(await read(text)).toEqual([
      { venue: 'kraken', symbol: 'ETHUSDT', trade: { id: 'a-1', ts: 5, price: '1', size: '2', side: 'buy' } },
    ]);
  });

  it.each([
    ['', /is empty$/],
    [`${header}\n`, /holds no trades$/],
    [
      'hello\nworld\n',
      /, line 1: it should name the columns, but has no ts_ms, symbol, trade_id, price, size, side$/,
    ],
    [
      `${header}\n${good.replace('1723161255342', '4000000000000')}\n`,
      /, line 2: ts_ms "4000000000000" is not a time that has come$/,
    ],
    [`${header}\n${good}\n1,BTCUSDT,2\n`, /, line 3: 3 values for 7 columns$/],
    [`${header}\n${good}\n\n${good.replace('61837.630', 'abc')}\n`, /, line 4: price "abc" is not a decimal/],
    [`${header}\n${good.replace('61837.630', '0')}\n`, /, line 2: price "0" is not .* above zero$/],
    [`${header}\n${good.replace('61837.630', '1e5')}\n`, /, line 2: price "1e5" is not/],
    [`${header}\n${good.replace(',0.02,', ',-1,')}\n`, /, line 2: size "-1" is not/],
    [
      `${header}\n${good.replace('1723161255342', '1723161255.342')}\n`,
      /, line 2: ts_ms "1723161255\.342" is not/,
    ],
    [`${header}\n${good.replace('1723161255342', '1723161255342000')}\n`, /, line 2: ts_ms .* is not/],
    [`${header}\n${good.replace('BTCUSDT', 'btc.usdt')}\n`, /, line 2: symbol "btc\.usdt" is not 1 to 32/],
    [`${header}\n${good.replace('3735683259', 'a b')}\n`, /, line 2: trade_id "a b" is not/],
    [`${header}\n${good.replace('sell', 'SELL')}\n`, /, line 2: side "SELL" is not buy or sell$/],
    [`venue,${header}\nBinance,${good}\n`, /, line 2: venue "Binance" is not/],
  ])('with the fault in %j is refused with one sentence', async (text, message) => {
    const failure = await checkTradesFile(await write(text), 'binance').catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as UserError).message).toMatch(message);
    expect((failure as UserError).message).not.toContain('\n');
  });

  it('that cannot be read is refused with the reason', async () => {
    await expect(checkTradesFile(path.join(directory, 'none.csv'), 'v')).rejects.toThrow(
      /^cannot read .*none\.csv: there is no such file$/,
    );
    await expect(checkTradesFile(directory, 'v')).rejects.toThrow(/^cannot read .*: it is a directory$/);
  });

  it.skipIf(process.getuid?.() === 0)('that may not be read is refused with the reason', async () => {
    const file = await write(`${header}\n${good}\n`);
    await chmod(file, 0);
    await expect(checkTradesFile(file, 'v')).rejects.toThrow(/it may not be read by this user$/);
  });

  it.skipIf(realData(sample) === undefined)('of a real venue is read whole', async () => {
    expect(await checkTradesFile(realData(sample)!, 'binance')).toMatchObject({
      trades: 34_419,
      symbols: ['BTCUSDT', 'ETHUSDT'],
    });
  });
});
