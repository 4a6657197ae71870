import { pack } from 'tar-stream';
import type { FileSet } from './files.js';

/** A tar archive of files. Tables stand before the MANIFEST that describes them, as they may in a real one. */
export async function tarOf(files: FileSet, prefix = './'): Promise<Buffer> {
  const tar = pack();
  for (const [name, bytes] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    tar.entry({ name: prefix + name, mtime: new Date(0) }, Buffer.from(bytes));
  }
  tar.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of tar) chunks.push(chunk);
  return Buffer.concat(chunks);
}
