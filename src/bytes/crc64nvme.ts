/*
 * CRC-64/NVME: polynomial 0xad93d23594c93659, reflected, begun with ones and inverted at the end (NVM Express NVM Command Set
 * specification, 64b CRC). Its check value, of "123456789", is 0xae8b14860a799888.
 */

const POLYNOMIAL_HIGH = 0x9a6c9329;
const POLYNOMIAL_LOW = 0xac4bc9b5;

/** What each value of the lowest byte does to the register: two halves, as no loop over bytes may use `bigint`. */
const high = new Uint32Array(256);
const low = new Uint32Array(256);
for (let byte = 0; byte < 256; byte++) {
  let h = 0;
  let l = byte;
  for (let bit = 0; bit < 8; bit++) {
    const carry = l & 1;
    l = ((l >>> 1) | (h << 31)) >>> 0;
    h >>>= 1;
    if (carry === 0) continue;
    h ^= POLYNOMIAL_HIGH;
    l ^= POLYNOMIAL_LOW;
  }
  high[byte] = h;
  low[byte] = l;
}

/** A CRC-64/NVME over bytes that come in pieces. */
export class Crc64Nvme {
  private high = 0xffffffff;
  private low = 0xffffffff;

  update(bytes: Uint8Array): this {
    let h = this.high;
    let l = this.low;
    for (let i = 0; i < bytes.length; i++) {
      const at = (l ^ bytes[i]) & 0xff;
      l = ((l >>> 8) | (h << 24)) ^ low[at];
      h = (h >>> 8) ^ high[at];
    }
    this.high = h;
    this.low = l;
    return this;
  }

  /** Eight bytes, the highest first. */
  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.high >>> 0, 0);
    bytes.writeUInt32BE(~this.low >>> 0, 4);
    return bytes;
  }
}
