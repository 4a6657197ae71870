import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { profileNames } from '../src/app/applications.js';
import { inRepository } from './support/repository.js';

const src = fileURLToPath(new URL('../src/', import.meta.url));

/** A layer imports from itself and from layers before it. Layers that share a line know nothing of each other. */
const order: string[][] = [
  ['bytes', 'finding'],
  ['codec'],
  ['format'],
  ['encode'],
  ['io'],
  ['engine'],
  ['check'],
  ['recovery'],
  ['lsm'],
  ['export'],
  ['app'],
  ['diagnose'],
  ['states'],
  ['inspect', 'find'],
  ['scan'],
  ['repair', 'report'],
  ['triage', 'resp', 'compare'],
  ['cli'],
];

/** Imports against the order that are right, with the reason. */
const exempt: { from: string; to: string; typeOnly: boolean; because: string }[] = [
  {
    from: 'bytes/hexdump.ts',
    to: 'finding/evidence.ts',
    typeOnly: true,
    because: 'the shape of a hex window',
  },
  { from: 'scan/', to: 'report/report.ts', typeOnly: true, because: 'the shape that a scan fills in' },
  { from: 'repair/', to: 'report/report.ts', typeOnly: true, because: 'the shape that a repair fills in' },
];

/** Files that name an application, apart from its folder, the catalogue and the examples of --help, with the reason. */
const namesApplication: Record<string, string> = {
  'engine/detect.ts': 'says whose files lie beside those of RocksDB',
  'resp/text.ts': 'says which server sends such a reply: of a capture alone no application is known',
};

/** Files that look at what a message says, with the reason. */
const readsWording: Record<string, string> = {
  'io/archive.ts': 'the libraries that read archives give no code for an end that is missing',
  'report/text/finding.ts': 'begins a sentence with a capital letter',
};

const rankOf = (layer: string) => order.findIndex((layers) => layers.includes(layer));

interface Import {
  file: string;
  /** A file under src, or a module's name. */
  to: string;
  typeOnly: boolean;
}

/** Import and export declarations, and `import()`; a type that is imported by an inline `import('…')` counts as one as well. */
const statement =
  /(?:^|\n)\s*(?:import|export)\s+(?<type>type\s)?(?:[^;'"]*?\sfrom\s+)?['"](?<from>[^'"]+)['"]|import\(['"](?<dynamic>[^'"]+)['"]\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  return [...text.matchAll(statement)].map(({ groups }) => {
    const name = groups?.from ?? groups?.dynamic ?? '';
    const local = name.startsWith('.');
    const to = local ? relative(src, resolve(src, dirname(file), name)).replace(/\.js$/, '.ts') : name;
    return { file, to, typeOnly: groups?.type !== undefined };
  });
}

interface Exported {
  file: string;
  name: string;
}

/** Declarations that a file exports; an overloaded function once. */
function exportsOf(file: string): Exported[] {
  const declaration =
    /^export (?:abstract |async )?(?:const|let|function\*?|class|interface|type|enum) (?<name>\w+)/gm;
  const names = [...withoutComments(file).matchAll(declaration)].map(({ groups }) => groups?.name ?? '');
  return [...new Set(names)].map((name) => ({ file, name }));
}

/** `FILE NAME` of each name that a file imports or exports again; `FILE *` where it takes a module whole. */
function namesImportedBy(file: string): string[] {
  const names =
    /(?:^|\n)\s*(?:import|export)\s+(?:type\s)?(?:\{(?<names>[^}]*)\}|\*[^;'"]*)\s+from\s+'(?<from>\.[^']+)'|import\(\s*'(?<whole>\.[^']+)'\s*\)/g;
  return [...withoutComments(file).matchAll(names)].flatMap(({ groups }) => {
    const target = groups?.from ?? groups?.whole ?? '';
    const to = relative(src, resolve(src, dirname(file), target)).replace(/\.js$/, '.ts');
    if (groups?.names === undefined) return [`${to} *`];
    return groups.names.split(',').map(
      (each) =>
        `${to} ${each
          .trim()
          .replace(/^type /, '')
          .replace(/ as .*/s, '')}`,
    );
  });
}

const sourcesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const files = sourcesIn(src);
const exported = files.filter((file) => file !== 'index.ts').flatMap(exportsOf);
const imports = files.flatMap(importsOf);
const layerOf = (file: string) => file.split('/')[0];
const inLayers = ({ file }: { file: string }) => file.includes('/');

function isExempt({ file, to, typeOnly }: Import): boolean {
  return exempt.some((each) => file.startsWith(each.from) && to === each.to && (typeOnly || !each.typeOnly));
}

describe('the layers', () => {
  it('are the folders of src', () => {
    const folders = new Set(files.filter((file) => file.includes('/')).map(layerOf));
    expect([...folders].filter((folder) => rankOf(folder) < 0)).toEqual([]);
  });

  it('are drawn in CONTRIBUTING.md as they are', () => {
    const page = readFileSync(inRepository('CONTRIBUTING.md'), 'utf8');
    const map = /```text\n(.*?)```/s.exec(page)![1];
    const drawn = (pattern: RegExp) => [...map.matchAll(pattern)].map(([, folder]) => folder);
    expect(drawn(/^ {2}([a-z]+)\//gm)).toEqual(order.flat());
    const made = ['build', 'coverage', 'dist', 'node_modules', 'tmp'];
    const folders = readdirSync(inRepository('.'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && !made.includes(entry.name))
      .map(({ name }) => name);
    expect(drawn(/^([a-z]+)\//gm).sort()).toEqual(folders.sort());
  });

  it('import one way only', () => {
    const local = imports.filter(inLayers).filter(({ to }) => to.endsWith('.ts') && rankOf(layerOf(to)) >= 0);
    const wrong = local.filter((each) => {
      const [from, to] = [layerOf(each.file), layerOf(each.to)];
      return from !== to && rankOf(to) >= rankOf(from) && !isExempt(each);
    });
    expect(wrong.map(({ file, to }) => `${file} imports ${to}`)).toEqual([]);
  });

  it('leave the process, colours and terminals to cli', () => {
    const terminal = /^(node:process|process|chalk|commander|cli-progress|node:readline.*|node:tty)$/;
    const wrong = imports
      .filter(({ file, to }) => layerOf(file) !== 'cli' && terminal.test(to))
      .map(({ file }) => file);
    const global = files
      .filter((file) => layerOf(file) !== 'cli')
      .filter((file) => /(?<![\w.'"])process\.\w/.test(withoutComments(file)));
    expect([...wrong, ...global]).toEqual([]);
  });

  it('leave the file system to io and repair', () => {
    // it reads the module of a package, no file of anyone
    const isOwnCode = (file: string) => file === 'codec/zstd-heap.ts';
    const wrong = imports.filter(
      ({ file, to }) => /^(node:)?fs(\/|$)/.test(to) && !/^(io|repair)\//.test(file) && !isOwnCode(file),
    );
    expect(wrong.map(({ file, to }) => `${file} imports ${to}`)).toEqual([]);
  });

  it('reach applications through their list alone', () => {
    const wrong = imports.filter(
      ({ file, to }) => layerOf(file) !== 'app' && profileNames.some((name) => to.startsWith(`app/${name}/`)),
    );
    expect(wrong.map(({ file, to }) => `${file} imports ${to}`)).toEqual([]);
    const folders = readdirSync(join(src, 'app'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).sort()).toEqual([...profileNames, 'redis'].sort());
  });

  it('name applications nowhere else', () => {
    const named = files.filter((file) => {
      // an upstream issue or source that a fact comes from
      const code = withoutComments(file).replace(
        /[\w-]+\/[\w-]+#\d+|(?:kvrocks|tikv|restate) [\w/-]+\.\w+/g,
        '',
      );
      return new RegExp(profileNames.join('|'), 'i').test(code);
    });
    const outside = named.filter(
      (file) => !/^app\/|^finding\/(catalog\.ts|rules\/)|^cli\/commands\//.test(file),
    );
    expect(outside.sort()).toEqual(Object.keys(namesApplication).sort());
  });

  it('decide on codes and fields, never on wording', () => {
    const wording =
      /\b(?:message|detail|reason)\)?\??\.(?:includes|startsWith|endsWith|match|search)\(|\.test\((?:\w+\??\.)*(?:message|detail|reason)\)/;
    const wrong = files.filter((file) => wording.test(withoutComments(file)));
    expect(wrong).toEqual(Object.keys(readsWording));
  });

  it('give each exported name to one thing', () => {
    const owners = new Map<string, string[]>();
    for (const { file, name } of exported) owners.set(name, [...(owners.get(name) ?? []), file]);
    const shared = [...owners].filter(([, owning]) => owning.length > 1);
    expect(shared.map(([name, owning]) => `${name}: ${owning.join(', ')}`)).toEqual([]);
  });

  it('export what another file imports, and no more', () => {
    const others = ['bench', 'fixtures', 'test'].flatMap((folder) =>
      sourcesIn(inRepository(folder)).map((file) => join('..', folder, file)),
    );
    const imported = new Set([...files, ...others].flatMap(namesImportedBy));
    const wanted = ({ file, name }: Exported) => imported.has(`${file} ${name}`) || imported.has(`${file} *`);
    expect(exported.filter((each) => !wanted(each)).map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });

  it('name their Node modules with node:', () => {
    const bare =
      /^(fs|path|os|util|events|stream|url|worker_threads|child_process|crypto|module|buffer|zlib)(\/|$)/;
    expect(imports.filter(({ to }) => bare.test(to)).map(({ file, to }) => `${file} imports ${to}`)).toEqual(
      [],
    );
  });
});

function withoutComments(file: string): string {
  return readFileSync(join(src, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '');
}

it('the test reads imports at all', () => {
  expect(imports.length).toBeGreaterThan(50);
  expect(importsOf('cli/run.ts').map(({ to }) => to)).toContain('cli/program.ts');
  expect(exported.length).toBeGreaterThan(500);
  expect(namesImportedBy('cli/run.ts').length).toBeGreaterThan(5);
});
