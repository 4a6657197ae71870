import type { TableFacts } from '../check/unit.js';
import type { Database } from '../engine/database.js';
import { commandOn } from '../engine/given-options.js';
import { tableFormats, takesKeyType } from '../engine/supported-formats.js';
import { formatVersion as versionText } from '../engine/version.js';
import type { Finding } from '../finding/finding.js';
import { findingAt } from '../finding/finding-at.js';
import { shellWord } from '../finding/shell-word.js';
import { newFileEntry } from '../format/manifest/new-file.js';

/** Files that the engine version in question refuses although nothing is wrong with them; of many tables the first. */
export function refusedFormats(database: Database, tables: readonly TableFacts[]): Finding[] {
  return [...refusedTables(database, tables), ...refusedBounds(database)].map((found) => ({
    ...found,
    next: exportCommand(database),
  }));
}

/** The way back to an older engine: a new database in a format that it reads. */
export function exportCommand({ engineVersion, target, request }: Database): string {
  const { engineVersion: _, ...places } = request;
  const output = shellWord(`${target}.export`);
  return commandOn(
    { target, request: places },
    `export --for-engine ${versionText(engineVersion)} --output ${output}`,
  );
}

function refusedTables({ engineVersion, assumed }: Database, tables: readonly TableFacts[]): Finding[] {
  const { oldest, newest } = tableFormats(engineVersion);
  // where nothing tells the release, tables that the newest one refuses tell that it is an older one
  const isTold = assumed.by !== 'default';
  const refused = tables.filter(
    ({ formatVersion = oldest }) => (isTold && formatVersion < oldest) || formatVersion > newest,
  );
  const [first] = refused;
  if (first === undefined) return [];
  const others = refused.length > 1 ? `, and so do ${refused.length - 1} more tables` : '';
  return [
    findingAt({ file: first.file }, 'engine/refused-format', {
      message: `The table has format version ${first.formatVersion}${others}; RocksDB ${versionText(engineVersion)} reads ${oldest} to ${newest}`,
      evidence: { formatVersion: first.formatVersion ?? 0, tables: refused.length },
    }),
  ];
}

function refusedBounds({ engineVersion, manifest }: Database): Finding[] {
  if (manifest === undefined) return [];
  return [...manifest.replay.boundTypes]
    .filter(([type]) => !takesKeyType(engineVersion, type))
    .map(([type, { tag, offset, length }]) =>
      findingAt({ file: manifest.entry.file }, 'engine/refused-format', {
        offset,
        length,
        message: `A bound of a table has value type ${type}, which RocksDB ${versionText(engineVersion)} does not know`,
        evidence: { valueType: type, strictModeSays: `VersionEdit: ${newFileEntry(tag)}` },
      }),
    );
}
