import { codecOf } from '../codec/block.js';
import { decodeEntity } from '../format/batch/entity.js';
import { decodeBlobIndex } from '../format/blob/blob-index.js';
import { KEY_TRAILER, parseInternalKey, VALUE_TYPE, valueTypeName } from '../format/sst/internal-key.js';
import { Fields } from './fields.js';
import type { Node, NodePlace, Space, Words } from './node.js';

/** `zstd` for 7; the number alone where it stands for nothing. */
export function compressionName(type: number): string | undefined {
  return codecOf(type) ?? 'unknown';
}

/** Node of an internal key that stands whole at `place`: user key, sequence, type. */
export function internalKeyNode(name: string, bytes: Uint8Array, place: NodePlace): Node {
  const parsed = parseInternalKey(bytes);
  if (parsed === undefined)
    return { name, at: place, bytes, value: bytes, problems: ['shorter than its sequence and type'] };
  const { space, offset } = place;
  return {
    name,
    at: place,
    text: internalKeyWords(bytes),
    children() {
      const fields = new Fields(space, offset, bytes);
      fields.take('user key', bytes.length - KEY_TRAILER);
      trailerFields(fields);
      return fields.nodes;
    },
  };
}

/** The 8 bytes after a user key: the type is the first of them. */
function trailerFields(fields: Fields): void {
  fields.u8('type', (type) => valueTypeName(type));
  fields.take('sequence', 7, (bytes) => ({ value: u56(bytes) }));
}

function u56(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = 6; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return value;
}

/** `"key" @197 put`. */
export function internalKeyWords(bytes: Uint8Array): Words {
  const parsed = parseInternalKey(bytes);
  return parsed === undefined
    ? [bytes]
    : [parsed.userKey, ` @${parsed.sequence} ${valueTypeName(parsed.type)}`];
}

/** Fields of a blob index; none where it does not decode. */
function blobIndexFields(bytes: Uint8Array, space: Space, base: number): Node[] {
  const fields = new Fields(space, base, bytes);
  const kind = fields.u8('kind', (type) => ['inlined', 'blob', 'blob with expiration'][type] ?? 'unknown');
  if (kind === undefined || kind > 2) return fields.nodes;
  if (kind !== 1) fields.varint64('expiration');
  if (kind === 0) {
    fields.rest('value');
    return fields.nodes;
  }
  fields.varint64('file', (file) => (file === 0n ? 'this table' : undefined));
  fields.varint64('offset');
  fields.varint64('size');
  // Titan's has none
  if (kind === 1 && fields.remaining === 0) return fields.nodes;
  fields.u8('compression', compressionName);
  fields.rest('trailing bytes');
  return fields.nodes;
}

/** `blob 10 at 71, 64 bytes`. */
function blobIndexWords(bytes: Uint8Array): Words {
  const index = decodeBlobIndex(bytes);
  if (index.kind === 'malformed') return index.error;
  if (index.kind === 'inlined') return [index.value, ` until ${index.expiration}`];
  if (index.kind === 'titan')
    return `in Titan’s blob file ${index.fileNumber} at ${index.offset}, ${index.size} bytes`;
  const where = index.fileNumber === 0n ? 'this table' : `blob file ${index.fileNumber}`;
  return `in ${where} at ${index.offset}, ${index.size} bytes`;
}

/** Columns of an entity, as far as they decode. */
function entityFields(bytes: Uint8Array, space: Space, base: number): Node[] {
  const { version, columns, anomalies } = decodeEntity(bytes);
  const place = (part: Uint8Array): NodePlace => ({
    space,
    offset: base + part.byteOffset - bytes.byteOffset,
    length: part.length,
  });
  const nodes: Node[] = [{ name: 'version', value: version }];
  for (const [index, { name, value, blobIndex }] of columns.entries()) {
    nodes.push({
      name: 'column',
      index,
      text: [name, ' = ', ...(blobIndex ? asList(blobIndexWords(value)) : [value])],
      children: () => [
        { name: 'name', at: place(name), value: name, bytes: name },
        { name: 'value', at: place(value), value, bytes: value },
      ],
    });
  }
  for (const { offset, length, message } of anomalies) {
    const at = { space, offset: base + offset, length };
    nodes.push({
      name: 'undecoded',
      at,
      problems: [message],
      bytes: bytes.subarray(offset, offset + length),
    });
  }
  return nodes;
}

/** `{"": "dv", "c1": "x"}`. */
function entityWords(bytes: Uint8Array): Words {
  const { columns } = decodeEntity(bytes);
  const words: (string | Uint8Array)[] = ['{'];
  for (const [i, { name, value, blobIndex }] of columns.entries()) {
    words.push(i > 0 ? ', ' : '', name, ': ');
    if (blobIndex) words.push(...asList(blobIndexWords(value)));
    else words.push(value);
  }
  words.push('}');
  return words;
}

/** What a value of that type is, in words. */
export function valueWords(type: number, value: Uint8Array): (string | Uint8Array)[] {
  if (type === VALUE_TYPE.blobIndex) return asList(blobIndexWords(value));
  if (type === VALUE_TYPE.entity) return asList(entityWords(value));
  if (type === VALUE_TYPE.timedPut && value.length >= 8)
    return [value.subarray(0, value.length - 8), `, ${preferred(value)} preferred`];
  return [value];
}

/** The last 8 bytes of a timed put: in a table a sequence, in a batch seconds since 1970. */
function preferred(value: Uint8Array): bigint {
  return new DataView(value.buffer, value.byteOffset + value.length - 8, 8).getBigUint64(0, true);
}

/** Fields of a value of that type, where it has an inside. */
export function valueFields(
  type: number,
  value: Uint8Array,
  space: Space,
  base: number,
  timeName = 'preferred sequence',
): Node[] | undefined {
  if (type === VALUE_TYPE.blobIndex) return blobIndexFields(value, space, base);
  if (type === VALUE_TYPE.entity) return entityFields(value, space, base);
  if (type !== VALUE_TYPE.timedPut || value.length < 8) return undefined;
  const fields = new Fields(space, base, value);
  fields.take('value', value.length - 8);
  fields.u64(timeName);
  return fields.nodes;
}

export function asList(words: Words): (string | Uint8Array)[] {
  return typeof words === 'string' ? [words] : [...words];
}
