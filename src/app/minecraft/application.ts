/*
 * Worlds of Minecraft Bedrock: `db/` beside level.dat. Publicly documented keys:
 *
 *   | x, i32 LE | z, i32 LE | dimension, i32 LE, unless it is the overworld | tag | number of the sub-chunk, for tag 2f |
 *   "digp" x z [dimension]   "actorprefix" 8 bytes   and names: "~local_player", "player_…", "VILLAGE_…", "map_…", "portals" …
 */
import type { Application, DetectProfile, Profile } from '../profile.js';

const SAMPLE = 64;
/** Fewer chunks may be any bytes of that length. */
const FEWEST_CHUNKS = 8;

/** Chunks from the middle of a world to its end, of 30,000,000 blocks in each direction, and some to spare. */
const FARTHEST = 1 << 22;

const SUB_CHUNK = 0x2f;
const TAGS = new Map([
  [0x2b, 'heights and biomes'],
  [0x2c, 'version'],
  [0x2d, 'heights and biomes'],
  [0x2e, 'heights and biomes, old'],
  [SUB_CHUNK, 'sub-chunk'],
  [0x30, 'terrain, old'],
  [0x31, 'block entities'],
  [0x32, 'entities'],
  [0x33, 'pending ticks'],
  [0x34, 'extra block data, old'],
  [0x35, 'biome state'],
  [0x36, 'finalised state'],
  [0x37, 'conversion data'],
  [0x38, 'border blocks'],
  [0x39, 'spawners'],
  [0x3a, 'random ticks'],
  [0x3b, 'checksums'],
  [0x3d, 'metadata hash'],
  [0x3e, 'generated before blending'],
  [0x3f, 'metadata hash'],
  [0x40, 'blending data'],
  [0x41, 'version of actors'],
  [0x76, 'version, old'],
]);
const DIMENSIONS = new Map([
  [1, 'nether'],
  [2, 'end'],
]);
const NAMES =
  /^(?:~local_player|player_[\w-]*|VILLAGE_[\w-]+|map_-?\d+|portals|mobevents|schedulerWT|scoreboard|AutonomousEntities|BiomeData|BiomeIdsTable|LevelChunkMetaDataDictionary|Overworld|Nether|TheEnd|dimension\d|structuretemplate_.+|tickingarea_.+|game_flatworldlayers|PositionTrack\w*-.+|PosTrack\w*-.+|chunk_loaded_request_.*|SST_\w+)$/;

const logs: Application['logs'] = {
  program: {
    name: 'Minecraft',
    pattern: /Minecraft[^\n]*?version[: ]+v?(\d+(?:\.\d+)+)/i,
    anchors: ['minecraft'],
  },
  symptoms: [],
};

const detect: DetectProfile = async (facts) => {
  const [family] = facts.columnFamilies;
  if (facts.columnFamilies.length !== 1 || family.name !== 'default') return undefined;
  const keys = await facts.sample('default', SAMPLE);
  const chunks = keys.filter((key) => chunkText(key) !== undefined).length;
  const known = keys.filter((key) => minecraftKeyText(key) !== undefined).length;
  return chunks >= Math.min(FEWEST_CHUNKS, keys.length - 1) && chunks > 0 && known * 10 >= keys.length * 9
    ? profile
    : undefined;
};

const profile: Profile = {
  name: 'minecraft',
  title: 'Minecraft world',
  keyText: (family, key) => (family === 0 ? minecraftKeyText(key) : undefined),
  valueText: () => undefined,
  batchWords: () => undefined,
};

/** What a key is in words. */
export function minecraftKeyText(key: Uint8Array): string | undefined {
  const text = Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
  if (NAMES.test(text))
    return text === '~local_player' ? 'local player' : text.replace(/^player_/, 'player ');
  if (text.startsWith('actorprefix') && key.length === 19)
    return `actor ${Buffer.from(key.subarray(11)).toString('hex')}`;
  if (text.startsWith('digp') && (key.length === 12 || key.length === 16)) {
    const place = placeText(key.subarray(4), key.length === 16);
    return place && `actors of chunk ${place}`;
  }
  return chunkText(key);
}

function chunkText(key: Uint8Array): string | undefined {
  const elsewhere = key.length >= 13;
  const tagAt = elsewhere ? 12 : 8;
  const tag = key[tagAt];
  const name = TAGS.get(tag);
  if (name === undefined || key.length !== tagAt + (tag === SUB_CHUNK ? 2 : 1)) return undefined;
  const place = placeText(key, elsewhere);
  if (place === undefined) return undefined;
  const number = tag === SUB_CHUNK ? ` ${(key[tagAt + 1] << 24) >> 24}` : '';
  return `chunk ${place}: ${name}${number}`;
}

function placeText(key: Uint8Array, elsewhere: boolean): string | undefined {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  const dimension = elsewhere ? DIMENSIONS.get(view.getInt32(8, true)) : '';
  if (dimension === undefined) return undefined;
  const [x, z] = [view.getInt32(0, true), view.getInt32(4, true)];
  // text that ends in a digit has the length of a chunk's key, and no world is that wide
  if (Math.abs(x) > FARTHEST || Math.abs(z) > FARTHEST) return undefined;
  return `${x}, ${z}${dimension === '' ? '' : ` of the ${dimension}`}`;
}

export const minecraft: Application = { detect, logs };
