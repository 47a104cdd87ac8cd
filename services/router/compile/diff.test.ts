import { expect, test } from 'vitest';
import type { CompiledRoute, RouteProblem } from '@sluice/routes';
import { diffTable } from './diff.ts';

const route = (id: string, path = '/a'): CompiledRoute => ({ id, path }) as CompiledRoute;
const problem: RouteProblem = { id: 'p', origin: 'discovered', source: 's', detail: 'd' };

test('only differences are written, what goes comes first, each against the revision seen', () => {
  const stored = new Map([
    ['route.same', { text: JSON.stringify(route('same')), revision: 3 }],
    ['route.other', { text: JSON.stringify(route('other', '/old')), revision: 4 }],
    ['route.gone', { text: '{}', revision: 5 }],
    ['junk', { text: 'junk', revision: 6 }],
  ]);
  const wanted = {
    routes: new Map([
      ['same', route('same')],
      ['other', route('other', '/new')],
      ['fresh', route('fresh')],
    ]),
    problems: new Map([['p', problem]]),
  };
  expect(diffTable(stored, wanted)).toEqual([
    { kind: 'delete', key: 'route.gone', revision: 5 },
    { kind: 'delete', key: 'junk', revision: 6 },
    { kind: 'update', key: 'route.other', text: JSON.stringify(route('other', '/new')), revision: 4 },
    { kind: 'create', key: 'route.fresh', text: JSON.stringify(route('fresh')) },
    { kind: 'create', key: 'problem.p', text: JSON.stringify(problem) },
  ]);
});
