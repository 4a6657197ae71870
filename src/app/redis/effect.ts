/** What a command leaves of one thing under a key. */
export interface Effect {
  kind:
    | 'value' // a string: `value`
    | 'field' // of a hash: `part`, `value`
    | 'member' // of a set: `part`
    | 'score' // of a sorted set: `part`, `value` as a number is written
    | 'element' // of a list: `value`; where it stands is not said
    | 'entry' // of a stream: `part` is its id
    | 'no-key'
    | 'no-field'
    | 'no-member'
    | 'no-score'
    | 'popped' // elements of a list went: which is not said
    | 'expiry'; // the time at which the key ends
  part?: Uint8Array;
  value?: Uint8Array;
}
