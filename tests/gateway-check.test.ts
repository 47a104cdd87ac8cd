import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nodeProgram, projectRoot } from '@sluice/testing';

/** The command line on documents in files: no gateway runs, and none is needed. */

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-check-'));
  await writeFile(path.join(folder, 'bad.yaml'), bad);
  await writeFile(path.join(folder, 'good.yaml'), good);
  await writeFile(path.join(folder, 'office.txt'), '10.0.0.0/8\nnonsense\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const good = `routes:
  - {id: a, path: /a, subject: a.get, auth: public}
  - {id: b, path: /b, subject: b.get}
limits:
  burst: {limit: 10, window: 1m}
`;
const bad = `routes:
  - {id: a, path: /a, subject: a.get, limits: [brust]}
limits:
  burst: {limit: 10, window: 1m}
addresses:
  lists:
    office: {file: office.txt}
`;

function gateway(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const script = path.join(projectRoot, 'scripts/gateway.ts');
  // As npm runs it: in the project's folder, and INIT_CWD is where the user is.
  const options = { cwd: projectRoot, env: { ...process.env, INIT_CWD: folder } };
  return new Promise((resolve) => {
    execFile(nodeProgram, [script, ...args], options, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, out, err }),
    );
  });
}

describe('gateway check', () => {
  test('tells every fault with file, line, place and hint, and ends with 1', async () => {
    const { code, out, err } = await gateway('check', 'bad.yaml');
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toBe(
      [
        'bad.yaml:2: routes[0].limits[0]: limit "brust" is not defined',
        '    did you mean "burst"?',
        'office.txt:2: addresses.lists.office[1]: "nonsense" is no address and no CIDR block',
        '    write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32',
        '',
        '2 faults',
        '',
      ].join('\n'),
    );
  });

  test('ends with 0 when there is none, and says what is hardly meant', async () => {
    expect(await gateway('check', 'good.yaml')).toEqual({
      code: 0,
      out: [
        'good.yaml:3: note: routes[1]: nobody may call route "b"',
        '    say `auth` here or in `defaults`',
        'good.yaml is valid: 2 routes, 1 limit, 4 channel rules',
        '',
      ].join('\n'),
      err: '',
    });
  });

  test('finds what routers could not use in the JSON Schemas of routes', async () => {
    await writeFile(
      path.join(folder, 'schema.yaml'),
      [
        'routes:',
        '  - id: a',
        '    path: /a',
        '    subject: a.get',
        '    auth: public',
        '    schema:',
        '      query:',
        '        properties:',
        '          word: {type: string, pattern: "^(?!no)"}',
        '      body: {$ref: "#/$defs/order"}',
        '',
      ].join('\n'),
    );
    const { code, out } = await gateway('check', 'schema.yaml');
    expect(code).toBe(1);
    expect(out).toMatch(
      /^schema\.yaml:9: routes\[0\]\.schema\.query\.properties\.word\.pattern: is a pattern that routers do not take: .*\n {4}.*no look-around/,
    );
    expect(out).toContain(
      'schema.yaml:10: routes[0].schema.body["$ref"]: "#/$defs/order" is nowhere in this schema\n',
    );
  });

  test('tells programs the same as JSON', async () => {
    const { code, out } = await gateway('check', 'bad.yaml', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      valid: false,
      faults: [
        { file: 'bad.yaml', line: 2, path: 'routes[0].limits[0]', hint: 'did you mean "burst"?' },
        { line: 2, path: 'addresses.lists.office[1]' },
      ],
    });
  });

  test('ends with 2 when it is called wrongly', async () => {
    expect(await gateway('check')).toEqual({ code: 2, out: '', err: 'gateway: FILE is missing\n' });
    expect((await gateway('check', 'a', 'b')).err).toBe('gateway: "b" is one argument too many\n');
    expect((await gateway('check', '--yaml', 'a')).code).toBe(2);
  });
});

test('gateway diff tells what changes, member by member', async () => {
  await writeFile(
    path.join(folder, 'next.yaml'),
    good
      .replace('limit: 10', 'limit: 20')
      .replace('  - {id: a, path: /a, subject: a.get, auth: public}\n', '') + 'live: {channels: 5}\n',
  );
  expect(await gateway('diff', 'next.yaml', '--against', 'good.yaml')).toEqual({
    code: 0,
    out: [
      '- routes[a]: {"id":"a","path":"/a","subject":"a.get","auth":"public"}',
      '~ limits.burst.limit: 10 → 20',
      '+ live: {"channels":5}',
      '',
      '1 added, 1 changed, 1 removed',
      '',
    ].join('\n'),
    err: '',
  });
  expect((await gateway('diff', 'good.yaml', '--against', 'good.yaml')).out).toBe('no difference\n');
  expect(await gateway('diff', 'good.yaml', '--against', 'bad.yaml')).toMatchObject({ code: 1, out: '' });
});
