declare module 'seek-bzip' {
  interface ByteReader {
    readByte(): number;
    read(into: Uint8Array, offset: number, length: number): number;
  }
  interface ByteWriter {
    writeByte(byte: number): void;
  }
  const bunzip: { decode(input: ByteReader, output: ByteWriter): unknown };
  export default bunzip;
}
