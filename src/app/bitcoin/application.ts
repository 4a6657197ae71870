/*
 * Bitcoin Core's databases (bitcoin src/txdb.cpp, src/node/blockstorage.cpp, src/dbwrapper.cpp):
 *
 *   chainstate     | 0e 00 "obfuscate_key" |   | 'C' | transaction id, 32 | output, varint |   | 'B' best block |   | 'H' head blocks |
 *   blocks/index   | 'b' | block hash, 32 |   | 'f' | file number, i32 LE |   | 'l' |   | 'R' |   | 'F' | length | name |
 *
 * Hashes are shown as Bitcoin shows them, last byte first. Values of the chainstate are XORed with the obfuscation key: they are
 * not read.
 */
import type { Application, DetectProfile, Profile } from '../profile.js';

const OBFUSCATION = Buffer.from('\x0e\x00obfuscate_key', 'latin1');
const HASH = 32;
const SAMPLE = 64;

const logs: Application['logs'] = {
  program: {
    name: 'Bitcoin Core',
    pattern: /Bitcoin Core version v?(\d+(?:\.\d+)*)/i,
    anchors: ['bitcoin core version'],
  },
  symptoms: [
    {
      id: 'bitcoin-leveldb-fatal',
      pattern: /Fatal LevelDB error: /i,
      anchors: ['fatal leveldb error'],
      severity: 'error',
      refines: ['block-checksum', 'checksum-mismatch'],
      meaning:
        'Bitcoin Core, or a node made from it, cannot read its chainstate or block index. It opens LevelDB paranoid, so one bad block stops it.',
      look: 'chainstate, blocks/index and indexes/* of the data directory',
      causes: ['rot', 'memory', 'torn'],
      action:
        'Healed, the node goes on where it was; -reindex-chainstate takes hours to days, and needs the blocks. Damage that returns is memory or disk.',
      next: ['kvdoctor scan {dir}', 'kvdoctor simulate {dir}'],
      rules: ['sst', 'wal', 'manifest'],
      references: ['bitcoin src/dbwrapper.cpp (HandleError)'],
    },
    {
      id: 'bitcoin-database-error',
      pattern:
        /Error opening (?:block|coins) database|Corrupted block database detected|Error reading from database, shutting down/i,
      anchors: [
        'opening block database',
        'opening coins database',
        'corrupted block database',
        'error reading from database',
      ],
      severity: 'error',
      meaning: 'Bitcoin Core does not open its block index or chainstate, or cannot read on.',
      look: 'the lines before it, which have LevelDB’s own message',
      causes: ['rot', 'torn', 'memory'],
      action: 'Do not answer with a reindex yet: scan the two databases first.',
      next: ['kvdoctor scan {dir}'],
      rules: ['sst', 'wal', 'manifest'],
      references: ['bitcoin src/node/chainstate.cpp'],
    },
  ],
};

const isObfuscation = (key: Uint8Array) => OBFUSCATION.equals(key);

const detect: DetectProfile = async (facts) => {
  const [family] = facts.columnFamilies;
  if (facts.columnFamilies.length !== 1 || family.name !== 'default') return undefined;
  const keys = await facts.sample('default', SAMPLE);
  if (keys.length === 0) return undefined;
  if (keys.some(isObfuscation) && keys.every((key) => isObfuscation(key) || coinText(key) !== undefined))
    return profile('chainstate', coinText);
  const isIndex = keys.some((key) => key[0] === 0x62) && keys.every((key) => indexText(key) !== undefined);
  return isIndex ? profile('block index', indexText) : undefined;
};

function profile(database: string, text: (key: Uint8Array) => string | undefined): Profile {
  return {
    name: 'bitcoin',
    title: `Bitcoin Core ${database}`,
    ...(database === 'chainstate' && { detail: 'values are obfuscated' }),
    keyText: (family, key) => (family !== 0 ? undefined : isObfuscation(key) ? 'obfuscation key' : text(key)),
    recovery:
      'The node opens it paranoid and verifies every block that it reads: it refuses over one that is damaged.',
    valueText: () => undefined,
    batchWords: () => undefined,
  };
}

/** A key of the chainstate. */
export function coinText(key: Uint8Array): string | undefined {
  if (key.length === 1) return key[0] === 0x42 ? 'best block' : key[0] === 0x48 ? 'head blocks' : undefined;
  if (key[0] !== 0x43 || key.length <= 1 + HASH) return undefined;
  const output = varint(key, 1 + HASH);
  return output === undefined ? undefined : `coin ${hash(key)}:${output}`;
}

/** A key of the block index. */
export function indexText(key: Uint8Array): string | undefined {
  switch (key[0]) {
    case 0x62:
      return key.length === 1 + HASH ? `block ${hash(key)}` : undefined;
    case 0x74:
      return key.length === 1 + HASH ? `transaction ${hash(key)}` : undefined;
    case 0x66:
      return key.length === 5
        ? `block file ${new DataView(key.buffer, key.byteOffset).getInt32(1, true)}`
        : undefined;
    case 0x6c:
      return key.length === 1 ? 'last block file' : undefined;
    case 0x52:
      return key.length === 1 ? 'reindexing' : undefined;
    case 0x46: {
      const name = key.subarray(2);
      return key.length > 2 && key[1] === name.length && name.every((byte) => byte > 0x20 && byte < 0x7f)
        ? `flag ${Buffer.from(name).toString('latin1')}`
        : undefined;
    }
    default:
      return undefined;
  }
}

function hash(key: Uint8Array): string {
  return Buffer.from(key.slice(1, 1 + HASH))
    .reverse()
    .toString('hex');
}

/** Bitcoin's own varint, to the end of the key (bitcoin src/serialize.h `ReadVarInt`). */
function varint(key: Uint8Array, from: number): number | undefined {
  let value = 0;
  for (let at = from; at < key.length && at < from + 5; at++) {
    value = value * 128 + (key[at] & 0x7f);
    if ((key[at] & 0x80) === 0) return at === key.length - 1 ? value : undefined;
    value++;
  }
  return undefined;
}

export const bitcoin: Application = { detect, logs };
