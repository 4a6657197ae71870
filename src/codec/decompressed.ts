/** What a codec made of its input. Damaged input gives `error`, a sentence without a full stop; nothing is thrown. */
export type Decompressed = { bytes: Uint8Array; error?: undefined } | { bytes?: undefined; error: string };

/** A codec's failure as a value. Libraries throw on damaged input; what they say is kept. */
export function attempt(decompress: () => Uint8Array): Decompressed {
  try {
    return { bytes: decompress() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
