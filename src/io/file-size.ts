import { stat } from 'node:fs/promises';

/** Bytes of a regular file, `undefined` for anything else and for what is not there or may not be looked at. */
export function fileSize(path: string | Buffer): Promise<number | undefined> {
  return stat(path).then(
    (found) => (found.isFile() ? found.size : undefined),
    () => undefined,
  );
}
