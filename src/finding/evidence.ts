/** A key or value as it appears in reports: always exact in `base64`, readable in `utf8` where it is valid text. */
export interface KeyBytes {
  utf8?: string;
  base64: string;
  /** What the application that wrote it calls it. */
  text?: string;
}

/** A window of raw bytes for a hex dump, with the damaged part marked. Private: redaction removes `base64`. */
export interface HexWindow {
  /** Offset of the first byte of the window in the file. */
  start: number;
  base64: string;
  /** Ranges to mark, in file offsets. */
  marks: { offset: number; length: number }[];
}

/** What may stand in a finding's evidence: scalars, keys, hex windows, and lists of them. */
export type EvidenceValue =
  | string
  | number
  | boolean
  | KeyBytes
  | { value: KeyBytes }
  | { hex: HexWindow }
  | EvidenceValue[]
  | { [name: string]: EvidenceValue };

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes of a key for a report: `utf8` only when they are valid UTF-8 without control characters. */
export function keyBytes(bytes: Uint8Array): KeyBytes {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  try {
    const utf8 = strictUtf8.decode(bytes);
    return CONTROL.test(utf8) ? { base64 } : { utf8, base64 };
  } catch {
    return { base64 };
  }
}

/** Whether `keyBytes` of these pieces, end to end, has `utf8`. */
export function isShownAsText(pieces: Iterable<Uint8Array>): boolean {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    for (const piece of pieces) if (CONTROL.test(decoder.decode(piece, { stream: true }))) return false;
    decoder.decode();
    return true;
  } catch {
    return false;
  }
}
