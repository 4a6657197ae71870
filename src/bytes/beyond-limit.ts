/**
 * What a file holds passes a limit of kvdoctor, so that what was asked for cannot be told. Commands say it as something that was
 * not looked at, with exit status 3: no verdict rests on the part that could be read.
 */
export class BeyondLimit extends Error {
  constructor(
    readonly file: string,
    /** The limit, in words. */
    readonly reason: string,
  ) {
    super(`${file}: ${reason}`);
    this.name = 'BeyondLimit';
  }
}
