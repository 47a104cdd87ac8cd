import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { helpText, parseStartOptions } from './options.ts';
import { UserError } from './user-error.ts';

const parse = (...args: string[]) => parseStartOptions(args, {});

describe('start options', () => {
  it('have the documented defaults', () => {
    expect(parse()).toEqual({
      help: false,
      port: 8080,
      dataDir: path.resolve('.sluice'),
      reset: false,
      replay: undefined,
      speed: 1,
      venue: 'binance',
      feed: true,
      chart: true,
      chartPort: undefined,
      verbose: false,
    });
  });

  it('take every option', () => {
    const line = '--port 0 --data-dir /d --reset --replay /t.csv --speed max --verbose';
    const options = parse(...line.split(' '));
    expect(options).toMatchObject({
      port: 0,
      dataDir: '/d',
      reset: true,
      replay: '/t.csv',
      speed: 'max',
      verbose: true,
    });
    expect(parse('--replay', 'x', '--speed', '2.5').speed).toBe(2.5);
    expect(parse('--no-feed').feed).toBe(false);
    expect(parse('--no-chart').chart).toBe(false);
    expect(parse('--chart-port', '9001').chartPort).toBe(9001);
  });

  it('read paths from where the user is, which npm hides', () => {
    const env = { npm_lifecycle_event: 'start', INIT_CWD: '/home/ada' };
    expect(parseStartOptions(['--replay', 'a.csv', '--data-dir', 'd'], env)).toMatchObject({
      replay: '/home/ada/a.csv',
      dataDir: '/home/ada/d',
    });
    // Outside npm the variable may be left over from an npm further up.
    expect(parseStartOptions(['--replay', 'a.csv'], { INIT_CWD: '/home/ada' }).replay).toBe(
      path.resolve('a.csv'),
    );
  });

  it.each([
    [['--port', 'http'], /^--port http: a port is a number from 0 to 65535$/],
    [['--port', '65536'], /^--port 65536: a port/],
    [['--port', '-1'], /port/],
    [['--speed', '2'], /^--speed sets the pace of a replay: it needs --replay FILE$/],
    [['--replay', 'x', '--speed', '0'], /^--speed 0: a speed is a number above 0, or max$/],
    [['--replay', 'x', '--speed', 'fast'], /^--speed fast: /],
    [['--replay', 'x', '--speed', '1e400'], /^--speed 1e400: /],
    [['--replay', 'x', '--no-feed'], /^--replay and --no-feed exclude each other$/],
    [['--chart-port', 'x'], /^--chart-port x: a port is a number from 0 to 65535$/],
    [['--chart-port', '1', '--no-chart'], /^--chart-port and --no-chart exclude each other$/],
    [['--replay', 'x', '--venue', 'A.B'], /^--venue A\.B: /],
    [['--bogus'], /^Unknown option '--bogus': npm start -- --help lists the options$/],
    [['trades.csv'], /trades\.csv.*--help lists the options$/],
    [['--data-dir'], /--data-dir/],
    [['--data-dir', ''], /^--data-dir needs the name of a directory$/],
    [['--replay', ''], /^--replay needs the name of a file$/],
  ])('refuse %j with one sentence', (args, message) => {
    let error: unknown;
    try {
      parse(...args);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
    expect((error as UserError).message).not.toContain('\n');
  });

  it('are all in the help text', () => {
    for (const name of [
      'port',
      'data-dir',
      'reset',
      'replay',
      'speed',
      'venue',
      'no-feed',
      'chart-port',
      'no-chart',
      'verbose',
      'help',
    ])
      expect(helpText).toContain(`--${name}`);
    for (const name of ['NATS_URL', 'DATABASE_URL', 'SLUICE_HTTP_HOST']) expect(helpText).toContain(name);
  });
});
