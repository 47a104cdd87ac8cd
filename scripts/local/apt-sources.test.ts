import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { aptArchives, parseDeb822, parseOneLine } from './apt-sources.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

describe('apt sources', () => {
  it('are read in the deb822 format', () => {
    const text = `Types: deb deb-src
# a comment in between
URIs: http://mirror.example/debian https://other.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: ${keyring}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://vendor.example/apt
Suites: ./

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
`;
    expect(parseDeb822(text)).toEqual([
      { uri: 'http://mirror.example/debian', signedBy: keyring },
      { uri: 'https://other.example/debian', signedBy: keyring },
    ]);
  });

  it('keep a key that is written into the file', () => {
    const [archive] = parseDeb822(`Types: deb
URIs: http://mirror.example/debian
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBF
 -----END PGP PUBLIC KEY BLOCK-----
`);
    expect(archive?.signedBy?.split('\n')).toEqual([
      '',
      ' -----BEGIN PGP PUBLIC KEY BLOCK-----',
      ' .',
      ' mQINBF',
      ' -----END PGP PUBLIC KEY BLOCK-----',
    ]);
  });

  it('are read in the one-line format', () => {
    const text = `# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=${keyring}] http://mirror.example/debian bookworm main contrib # local
deb http://plain.example/debian/ bookworm main
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
deb https://vendor.example/apt stable contrib
`;
    expect(parseOneLine(text)).toEqual([
      { uri: 'http://mirror.example/debian', signedBy: keyring },
      { uri: 'http://plain.example/debian/' },
    ]);
  });

  it("of a machine come with Debian's own archive first, each once", async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'sluice-apt-'));
    try {
      await mkdir(path.join(directory, 'sources.list.d'));
      await writeFile(path.join(directory, 'sources.list'), 'deb http://vendor.example/tools stable main\n');
      await writeFile(
        path.join(directory, 'sources.list.d/debian.sources'),
        `Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\nSigned-By: ${keyring}\n`,
      );
      await writeFile(
        path.join(directory, 'sources.list.d/again.list'),
        `deb [signed-by=${keyring}] http://mirror.example/debian bookworm-backports main\n`,
      );
      await writeFile(
        path.join(directory, 'sources.list.d/ignored.save'),
        'deb http://old.example/debian x main\n',
      );
      expect((await aptArchives(directory)).map((archive) => archive.uri)).toEqual([
        'http://mirror.example/debian',
        'http://vendor.example/tools',
      ]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
