import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLogView } from './log-view.ts';

function view(verbose = false) {
  let text = '';
  const out = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      text += chunk.toString();
      done();
    },
  });
  const at = new Date(2026, 0, 2, 3, 4, 5);
  return { log: createLogView(out, { color: false, verbose, now: () => at }), text: () => text };
}

describe('the log at the terminal', () => {
  it('shows time, process, message and fields of a JSON line', () => {
    const { log, text } = view();
    const time = new Date(2026, 0, 2, 10, 20, 30).toISOString();
    log.raw(
      'edge',
      JSON.stringify({ level: 'info', time, service: 'edge', instance: 'x', port: 80, msg: 'listening' }),
    );
    expect(text()).toBe('10:20:30 edge        listening  port=80\n');
  });

  it('names levels worth a look, and of an error its sentence only', () => {
    const { log, text } = view();
    log.raw(
      'edge',
      JSON.stringify({ level: 'error', err: { message: 'no such host', stack: 'at x' }, msg: 'lost NATS' }),
    );
    expect(text()).toBe('03:04:05 edge        error lost NATS  err="no such host"\n');
  });

  it('hides access records and debug lines unless asked', () => {
    const lines = [
      JSON.stringify({ level: 'info', status: 200, msg: 'request' }),
      JSON.stringify({ level: 'debug', msg: 'detail' }),
    ];
    const quiet = view();
    const verbose = view(true);
    for (const line of lines) {
      quiet.log.raw('edge', line);
      verbose.log.raw('edge', line);
    }
    expect(quiet.text()).toBe('');
    expect(verbose.text().split('\n')).toHaveLength(3);
  });

  it('shows anything else as it is, without what could move the cursor', () => {
    const { log, text } = view();
    log.raw('edge', '    at somewhere\u001b[2J (file.ts:1)');
    log.raw('edge', '{not json');
    log.raw('edge', '');
    expect(text()).toBe(
      '03:04:05 edge            at somewhere (file.ts:1)\n03:04:05 edge        {not json\n',
    );
  });
});
