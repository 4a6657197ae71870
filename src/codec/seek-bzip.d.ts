declare module 'seek-bzip' {
  interface ByteReader {
    readByte(): number;
  }
  interface ByteWriter {
    writeByte(byte: number): void;
  }
  const bunzip: { decode(input: ByteReader, output: ByteWriter): unknown };
  export default bunzip;
}
