import { formatPath, type GatewayDocument, type TextFault } from '@sluice/policy';
import { parseArguments, type Command } from './command.ts';
import { loadNamedDocument } from './document-file.ts';

export const checkCommand: Command = {
  name: 'check',
  summary: 'checks a gateway document without a gateway: every fault with its line, place and a hint',
  help: `Usage: npm run gateway -- check FILE [--json]

Checks a gateway document (YAML or JSON) and the address list files that it names. Needs no gateway and
no network. Every fault is told with file, line, place in the document, and what to do about it.

  --json            {"valid": true, "faults": [], "notes": []}; path, message, hint, file and line of each

Exit code 0: valid. 1: faults. 2: a wrong call.`,
  async run(args) {
    const { values, arguments: named } = parseArguments(args, { json: { type: 'boolean' } }, ['FILE']);
    const loaded = await loadNamedDocument(named.FILE, process.env);
    const faults = loaded.ok ? [] : loaded.faults;
    const notes = loaded.ok ? loaded.notes : [];
    const exitCode = loaded.ok ? 0 : 1;
    if (values.json === true) {
      const report = { valid: loaded.ok, faults: faults.map(plain), notes: notes.map(plain) };
      return { text: `${JSON.stringify(report, null, 2)}\n`, exitCode };
    }
    if (!loaded.ok) return { text: formatFaults(faults), exitCode };
    const remarks = notes.map((note) => formatFault(note, 'note: ')).join('');
    return { text: `${remarks}${named.FILE} is valid: ${countParts(loaded.document)}\n`, exitCode };
  },
};

/** Every fault on lines of its own, and how many there are. */
export function formatFaults(faults: readonly TextFault[]): string {
  const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
  return `${faults.map((fault) => formatFault(fault)).join('')}\n${count}\n`;
}

/** `gateway.yaml:7: routes[1].path: …` as compilers write it, the hint below. */
function formatFault({ name, line, path, message, hint }: TextFault, kind = ''): string {
  const place = path.length === 0 ? '' : `${formatPath(path)}: `;
  return `${name}:${line}: ${kind}${place}${message}\n${hint === null ? '' : `    ${hint}\n`}`;
}

function plain({ name, line, path, message, hint }: TextFault) {
  return { file: name, line, path: formatPath(path), message, hint };
}

function countParts(document: GatewayDocument): string {
  const parts = [
    count(document.routes.length, 'route'),
    count(Object.keys(document.overrides).length, 'override'),
    count(document.consumers.length, 'consumer'),
    count(Object.keys(document.roles).length, 'role'),
    count(Object.keys(document.issuers).length, 'issuer'),
    count(Object.keys(document.limits).length, 'limit'),
    count(Object.keys(document.quotas).length, 'quota'),
    count(document.channels.length, 'channel rule'),
  ];
  return parts.filter((part) => part !== null).join(', ') || 'it says nothing';
}

function count(number: number, noun: string): string | null {
  if (number === 0) return null;
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}
