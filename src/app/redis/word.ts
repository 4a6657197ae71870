const strict = new TextDecoder('utf-8', { fatal: true });

// what the shell or redis-cli would take apart, and what a terminal would act upon, is written byte by byte
const plainWord = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/**
 * A word of a command as redis-cli takes it: as it is, or in double quotation marks with `\xNN` for what is no printable
 * ASCII. At most `limit` bytes of it are shown.
 */
export function redisWord(bytes: Uint8Array, limit = Number.POSITIVE_INFINITY): string {
  const cut = bytes.length > limit ? '…' : '';
  const kept = cut === '' ? bytes : bytes.subarray(0, limit);
  try {
    const text = strict.decode(kept);
    if (plainWord.test(text)) return text + cut;
  } catch {
    // not text: written byte by byte
  }
  let quoted = '';
  for (const byte of kept) {
    if (byte === 0x22 || byte === 0x5c) quoted += `\\${String.fromCharCode(byte)}`;
    else if (byte >= 0x20 && byte < 0x7f) quoted += String.fromCharCode(byte);
    else quoted += `\\x${byte.toString(16).padStart(2, '0')}`;
  }
  return `"${quoted}"${cut}`;
}

/** A command as typed into redis-cli. */
export function redisCommand(words: readonly Uint8Array[], limit?: number): string {
  return words.map((word) => redisWord(word, limit)).join(' ');
}
