import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** False where there is no `openssl` command to make certificates with. */
export const canMakeCertificates = ((): boolean => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** An authority of one's own in `folder`, as `<name>.crt` and `<name>.key`, for two days. */
export async function makeAuthority(folder: string, name = 'ca'): Promise<Certificate> {
  const made = filesOf(folder, name);
  const subject = ['-keyout', made.keyFile, '-out', made.certFile, '-days', '2', '-subj', `/CN=${name}`];
  const rights = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign'];
  await run('openssl', ['req', '-x509', ...newKey, ...subject, ...rights]);
  return made;
}

/** A certificate for this machine, signed by an authority, good for servers and clients. */
export async function makeCertificate(
  folder: string,
  name: string,
  authority: Certificate,
): Promise<Certificate> {
  const made = filesOf(folder, name);
  const request = path.join(folder, `${name}.csr`);
  const extensions = path.join(folder, `${name}.ext`);
  await writeFile(
    extensions,
    'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
  );
  await run('openssl', ['req', ...newKey, '-keyout', made.keyFile, '-out', request, '-subj', `/CN=${name}`]);
  const signer = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  const asked = ['-in', request, '-out', made.certFile, '-days', '2', '-extfile', extensions];
  await run('openssl', ['x509', '-req', ...asked, ...signer]);
  return made;
}

function filesOf(folder: string, name: string): Certificate {
  return { certFile: path.join(folder, `${name}.crt`), keyFile: path.join(folder, `${name}.key`) };
}
