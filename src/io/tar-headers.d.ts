declare module 'tar-stream/headers.js' {
  export interface TarHeader {
    name: string;
    size: number;
    mtime: Date;
    type: string | null;
    linkname: string | null;
  }
  const headers: {
    decode(block: Uint8Array, encoding: string, unknownFormats: boolean): TarHeader | null;
    decodePax(bytes: Uint8Array): Record<string, string | undefined>;
    decodeLongPath(bytes: Uint8Array, encoding: string): string;
  };
  export default headers;
}
