import { crc32c } from '../../src/bytes/crc32c.js';
import type { FileSet } from '../support/files.js';

/** A small generator of numbers that a seed repeats (mulberry32). */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = (seed * 0x9e3779b9) >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Files of a backup directory while they are damaged. */
interface Scene {
  files: FileSet;
  roll: Dice;
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const bytes = (from: string) => new Uint8Array(Buffer.from(from, 'latin1'));

function pick<T>(from: readonly T[], roll: Dice): T {
  return from[roll(from.length)];
}

function paths({ files }: Scene, start: string, minimum = 0): string[] {
  return [...files].flatMap(([path, { length }]) =>
    path.startsWith(start) && length >= minimum ? [path] : [],
  );
}

const contents = (scene: Scene, minimum = 1) => [
  ...paths(scene, 'private/', minimum),
  ...paths(scene, 'shared', minimum),
];
const metas = (scene: Scene) => paths(scene, 'meta/').filter((path) => /^meta\/\d+$/.test(path));

function change(scene: Scene, path: string, by: (content: Uint8Array) => Uint8Array): void {
  scene.files.set(path, by(Uint8Array.from(scene.files.get(path) ?? new Uint8Array(0))));
}

function flip(scene: Scene, path: string): string {
  const size = scene.files.get(path)?.length ?? 0;
  const at = scene.roll(size);
  const bit = scene.roll(8);
  change(scene, path, (content) => {
    content[at] ^= 1 << bit;
    return content;
  });
  return `flip ${path} ${at}.${bit}`;
}

function move(scene: Scene, from: string, to: string): string {
  const content = scene.files.get(from);
  if (content === undefined) return 'nothing';
  scene.files.delete(from);
  scene.files.set(to, content);
  return `move ${from} ${to}`;
}

/** Changes the lines of a meta file: head, number of files, one line a file. */
function editMeta(scene: Scene, path: string, edit: (entries: string[]) => string[], recount = true): string {
  change(scene, path, (content) => {
    const lines = text(content).split('\n').slice(0, -1);
    const at = lines.findIndex((line) => / crc32 /.test(line));
    const head = lines.slice(0, at);
    const entries = edit(lines.slice(at));
    if (recount) head[head.length - 1] = String(entries.length);
    return bytes([...head, ...entries].map((line) => `${line}\n`).join(''));
  });
  return path;
}

/** Records in every meta file the checksum that a file has now: it was damaged before it was backed up. */
function recordAnew(scene: Scene, damagedPath: string): void {
  const crc = crc32c(scene.files.get(damagedPath) ?? new Uint8Array(0));
  for (const meta of metas(scene)) {
    editMeta(scene, meta, (entries) =>
      entries.map((line) =>
        line.split(' ')[0] === damagedPath ? line.replace(/crc32 \d+/, `crc32 ${crc}`) : line,
      ),
    );
  }
}

const highest = (scene: Scene) => Math.max(...metas(scene).map((path) => Number(path.slice(5))));

/** Ways to damage a backup directory; each says what it did. */
const kinds = {
  healthy: () => 'nothing',
  'flip content': (scene) => flip(scene, pick(contents(scene), scene.roll)),
  'flip shared': (scene) =>
    flip(scene, pick(paths(scene, 'shared', 1).concat(contents(scene).slice(0, 1)), scene.roll)),
  truncate: (scene) => {
    const path = pick(contents(scene), scene.roll);
    const size = scene.roll(scene.files.get(path)?.length ?? 1);
    change(scene, path, (content) => content.slice(0, size));
    return `truncate ${path} ${size}`;
  },
  remove: (scene) => {
    const path = pick(contents(scene, 0), scene.roll);
    scene.files.delete(path);
    return `remove ${path}`;
  },
  append: (scene) => {
    const path = pick(contents(scene), scene.roll);
    const extra = Uint8Array.from({ length: 1 + scene.roll(600) }, () => scene.roll(256));
    change(scene, path, (content) => Uint8Array.from([...content, ...extra]));
    return `append ${extra.length} to ${path}`;
  },
  zero: (scene) => {
    const path = pick(contents(scene), scene.roll);
    const at = scene.roll(scene.files.get(path)?.length ?? 1);
    change(scene, path, (content) => content.fill(0, at, at + 512));
    return `zero ${path} from ${at}`;
  },
  swap: (scene) => {
    const a = pick(contents(scene), scene.roll);
    const ending = a.replace(/^.*[/\d_A-Z]/, '');
    const b = pick(
      contents(scene).filter((path) => path.endsWith(ending)),
      scene.roll,
    );
    const [first, second] = [scene.files.get(a), scene.files.get(b)];
    if (first !== undefined && second !== undefined) scene.files.set(a, second).set(b, first);
    return `swap ${a} ${b}`;
  },
  rename: (scene) => {
    const path = pick(contents(scene), scene.roll);
    return move(
      scene,
      path,
      path.replace(/(\d)(?=[^\d]*$)/, (digit) => String((Number(digit) + 1) % 10)),
    );
  },
  'flip meta': (scene) => flip(scene, pick(metas(scene), scene.roll)),
  'truncate meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    const size = scene.roll(scene.files.get(path)?.length ?? 1);
    change(scene, path, (content) => content.slice(0, size));
    return `truncate ${path} ${size}`;
  },
  'remove meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    scene.files.delete(path);
    return `remove ${path}`;
  },
  'append to meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    const extra = pick(['\0'.repeat(100), '\n', 'private/1/CURRENT crc32 1\n', 'tail', ' '], scene.roll);
    change(scene, path, (content) => bytes(text(content) + extra));
    return `append ${JSON.stringify(extra).slice(0, 40)} to ${path}`;
  },
  'meta of another': (scene) => {
    const from = pick(metas(scene), scene.roll);
    const to = pick(metas(scene), scene.roll);
    scene.files.set(to, scene.files.get(from) ?? bytes(''));
    return `copy ${from} ${to}`;
  },
  'rename meta': (scene) =>
    move(scene, pick(metas(scene), scene.roll), `meta/${highest(scene) + 1 + scene.roll(2)}`),
  'line out of meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    let gone = '';
    editMeta(scene, path, (entries) => {
      gone = entries.splice(scene.roll(entries.length), 1)[0];
      return entries;
    });
    return `${path} without ${gone}`;
  },
  'line twice in meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    editMeta(scene, path, (entries) => [...entries, pick(entries, scene.roll)]);
    return path;
  },
  'other checksum in meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    let which = '';
    editMeta(scene, path, (entries) => {
      const at = scene.roll(entries.length);
      entries[at] = entries[at].replace(/crc32 (\d)/, (_, digit) => `crc32 ${(Number(digit) % 9) + 1}`);
      which = entries[at];
      return entries;
    });
    return `${path}: ${which}`;
  },
  'space in meta': (scene) => {
    const path = pick(metas(scene), scene.roll);
    const size = scene.files.get(path)?.length ?? 0;
    const at = scene.roll(size);
    change(scene, path, (content) => bytes(`${text(content).slice(0, at)} ${text(content).slice(at)}`));
    return `space in ${path} at ${at}`;
  },
  'private directory gone': (scene) => {
    const id = pick(metas(scene), scene.roll).slice(5);
    for (const path of paths(scene, `private/${id}/`)) scene.files.delete(path);
    return `remove private/${id}`;
  },
  'backup begun': (scene) => {
    const id = highest(scene) + 1;
    const from = paths(scene, `private/${id - 1}/`);
    const count = scene.roll(from.length + 1);
    for (const path of from.slice(0, count))
      scene.files.set(path.replace(/^private\/\d+/, `private/${id}`), scene.files.get(path) ?? bytes(''));
    if (scene.roll(2) === 0) scene.files.set(`meta/.${id}.tmp`, bytes('17'));
    return `private/${id} with ${count} files`;
  },
  'meta not renamed': (scene) => move(scene, `meta/${highest(scene)}`, `meta/.${highest(scene)}.tmp`),
  garbage: (scene) => {
    const extra = ['shared/x', 'shared_checksum/.000001_1_2.sst.tmp', 'meta/notes', 'private/9.tmp/CURRENT'];
    for (const path of extra) if (scene.roll(2) === 0) scene.files.set(path, bytes('garbage'));
    scene.files.set('shared_checksum/000999_sABCDEFGHIJKLMNOPQRST_7.sst', bytes('garbage'));
    return 'files that no backup lists';
  },
  'log left out': (scene) => {
    const log = pick([...paths(scene, 'private/').filter((path) => path.endsWith('.log')), ''], scene.roll);
    scene.files.delete(log);
    for (const meta of metas(scene))
      editMeta(scene, meta, (entries) => entries.filter((line) => line.split(' ')[0] !== log));
    return `no trace of ${log}`;
  },
  'damaged before the backup': (scene) => {
    const path = pick(
      contents(scene).filter((name) => !/_\d+_\d+\./.test(name)),
      scene.roll,
    );
    const what = flip(scene, path);
    recordAnew(scene, path);
    return `${what}, and its checksum with it`;
  },
} satisfies Record<string, (scene: Scene) => string>;

export type DamageKind = keyof typeof kinds;

export const damageKinds = Object.keys(kinds) as DamageKind[];

/** A copy of the files with damage of a kind, and what was done. The same seed gives the same damage. */
export function damaged(
  files: FileSet,
  kind: number,
  seed: number,
): { files: FileSet; kind: DamageKind; what: string } {
  const scene: Scene = { files: new Map(files), roll: dice(seed + 1) };
  const chosen = damageKinds[kind % damageKinds.length];
  const what = kinds[chosen](scene);
  return { files: scene.files, kind: chosen, what };
}
