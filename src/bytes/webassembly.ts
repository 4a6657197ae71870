// TypeScript has these only together with a browser's types.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports?: object) => { exports: object };
};

/** A memory whose `buffer` is another one after each growth. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer;
  /** By pages of 64 KiB; throws where there is no more. */
  grow(pages: number): number;
}

/** Compiles and starts a module. Some kilobytes take a millisecond; waiting for it would make every caller wait. */
export function instanceOf(wasm: Uint8Array, imports?: object): { exports: object } {
  return new WebAssembly.Instance(new WebAssembly.Module(wasm), imports);
}

/** One of our own modules. */
export function instantiate<Exports>(base64: string): Exports {
  return instanceOf(Buffer.from(base64, 'base64')).exports as Exports;
}
