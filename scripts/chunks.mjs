// Which modules of the package go into one file: Node.js takes about half a millisecond for each file that it loads, so what a run needs
// together lies together. What only some runs need stays in files of its own.
import { resolve } from 'node:path';

/** Every run loads the first; the worker threads of a scan load `base` and `unit`. A module goes where it is found first. */
const GROUPS = [
  { name: 'base', of: ['src/cli/main.ts'], and: ['src/scan/worker.ts'] },
  { name: 'start', of: ['src/cli/main.ts'] },
  { name: 'unit', of: ['src/scan/worker.ts'] },
  // the last of them is what an application and `repair` share: a scan would load all of the next for it
  {
    name: 'scan',
    of: ['src/scan/scan.ts', 'src/app/applications.ts', 'src/recovery/logged-batches.ts'],
  },
  { name: 'repair', of: ['src/repair/offer.ts'] },
];

/** rolldown's groups for the sources below `root`; `entries` stay what they are. */
export function chunkGroups(root, entries) {
  const closures = new Map();
  /** The modules that are loaded with these files, by static imports. */
  const closure = (files, context) => {
    const key = files.join();
    const known = closures.get(key);
    if (known !== undefined) return known;
    const found = new Set();
    const open = files.map((file) => resolve(root, file));
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (found.has(id)) continue;
      found.add(id);
      open.push(...(context.getModuleInfo(id)?.importedIds ?? []));
    }
    closures.set(key, found);
    return found;
  };
  return GROUPS.map(({ name, of, and }, place) => ({
    debugName: name,
    priority: GROUPS.length - place,
    name: (id, context) =>
      !entries.includes(id) &&
      closure(of, context).has(id) &&
      (and === undefined || closure(and, context).has(id))
        ? name
        : null,
  }));
}
