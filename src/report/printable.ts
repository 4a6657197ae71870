/**
 * Text that is safe to show. File names, keys and server messages come from damaged data: an escape sequence among them must
 * not move the cursor, and a bidirectional override must not turn a line around.
 */

// C0 and C1 controls, DEL, bidirectional and zero-width marks, line and paragraph separators, byte order mark, lone surrogates
const unsafe =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** `text` with everything that a terminal would act upon written as `\xNN` or `\u{NNNN}`. */
export function printable(text: string): string {
  return text.replace(unsafe, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Bytes as quoted ASCII with `\xNN` for the rest, cut after `limit` bytes: `"user:\x00\x07" … (1,024 bytes)`. */
export function printableBytes(bytes: Uint8Array, limit = 48): string {
  let text = '';
  for (const byte of bytes.subarray(0, limit)) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  const rest = bytes.length > limit ? ` … (${bytes.length.toLocaleString('en-US')} bytes)` : '';
  return `"${text}"${rest}`;
}
