/**
 * Protocol Buffers on the wire, read without a schema (protobuf.dev/programming-guides/encoding):
 *
 *   message   field*
 *   field     varint (number << 3 | wire type), then by wire type
 *               0  varint            1  8 bytes      2  varint length, that many bytes      5  4 bytes
 *
 * The libraries for it throw on damage or trust lengths; what is read here may be anything.
 */
import { Cursor } from '../bytes/cursor.js';

interface ProtoField {
  number: number;
  /** Of wire types 0, 1 and 5. */
  integer?: bigint;
  /** Of wire type 2: a view into the message. */
  bytes?: Uint8Array;
}

/** Fields of one message that are read; a region's state has a few dozen. */
const MAX_FIELDS = 20_000;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** The fields in their order, repeated ones several times. `undefined` when the bytes are no message from end to end. */
export function protoFields(bytes: Uint8Array, most = MAX_FIELDS): ProtoField[] | undefined {
  const cursor = new Cursor(bytes);
  const fields: ProtoField[] = [];
  while (cursor.remaining > 0) {
    const tag = cursor.varint64();
    if (tag === undefined || fields.length >= most) return undefined;
    const number = Number(tag >> 3n);
    if (number === 0 || number > MAX_FIELD_NUMBER) return undefined;
    const field = fieldOf(cursor, Number(tag & 7n), number);
    if (field === undefined) return undefined;
    fields.push(field);
  }
  return fields;
}

function fieldOf(cursor: Cursor, wireType: number, number: number): ProtoField | undefined {
  if (wireType === 2) {
    const bytes = cursor.lengthPrefixed();
    return bytes && { number, bytes };
  }
  let integer: bigint | undefined;
  if (wireType === 0) integer = cursor.varint64();
  else if (wireType === 1) integer = cursor.u64();
  else if (wireType === 5) {
    const small = cursor.u32();
    integer = small === undefined ? undefined : BigInt(small);
  }
  return integer === undefined ? undefined : { number, integer };
}

/**
 * A message by field number. Of a field that is there several times the last counts, as in every reader; a field of another
 * wire type than asked for makes the message `wrong`, since its writer had another schema.
 */
export class ProtoMessage {
  wrong = false;

  private constructor(private readonly fields: readonly ProtoField[]) {}

  static read(bytes: Uint8Array): ProtoMessage | undefined {
    const fields = protoFields(bytes);
    return fields && new ProtoMessage(fields);
  }

  /** 0 where the field is absent. */
  integer(number: number): bigint {
    const field = this.fields.findLast((each) => each.number === number);
    if (field !== undefined && field.integer === undefined) this.wrong = true;
    return field?.integer ?? 0n;
  }

  flag(number: number): boolean {
    return this.integer(number) !== 0n;
  }

  /** Empty where the field is absent. */
  bytes(number: number): Uint8Array {
    return this.every(number).at(-1) ?? EMPTY;
  }

  every(number: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    for (const field of this.fields) {
      if (field.number !== number) continue;
      if (field.bytes === undefined) this.wrong = true;
      else found.push(field.bytes);
    }
    return found;
  }
}

const EMPTY = new Uint8Array(0);
