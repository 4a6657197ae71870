import { isShownAsText } from '../finding/evidence.js';

/** Bytes that make one piece of text: a multiple of three, so that their base64 pieces fit each other. */
const PIECE = 3 << 18;

/**
 * What `JSON.stringify` gives, in pieces of at most some MiB. Byte arrays stand as `keyBytes` shows them, and may be larger than
 * a string can be.
 */
export function* jsonPieces(value: unknown): Generator<string> {
  if (value instanceof Uint8Array) yield* bytesPieces(value);
  else if (Array.isArray(value)) {
    yield '[';
    for (const [i, item] of value.entries()) {
      if (i > 0) yield ',';
      yield* jsonPieces(item);
    }
    yield ']';
  } else if (typeof value === 'object' && value !== null) {
    let separator = '{';
    for (const [name, field] of Object.entries(value)) {
      yield `${separator}${JSON.stringify(name)}:`;
      yield* jsonPieces(field);
      separator = ',';
    }
    yield separator === '{' ? '{}' : '}';
  } else yield JSON.stringify(value);
}

function* bytesPieces(bytes: Uint8Array): Generator<string> {
  yield '{';
  if (isShownAsText(pieces(bytes))) {
    yield '"utf8":"';
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    for (const piece of pieces(bytes))
      yield JSON.stringify(decoder.decode(piece, { stream: true })).slice(1, -1);
    yield '",';
  }
  yield '"base64":"';
  for (const piece of pieces(bytes))
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString('base64');
  yield '"}';
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}
