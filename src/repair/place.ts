import path from 'node:path';

/** A file of a target by its relative path, and by its root where it lies outside (wal_dir, another db_path). */
export interface Place {
  path: string;
  root?: string;
}

/** The absolute path of a place. */
export function absolute(target: string, place: Place): string {
  return path.resolve(place.root ?? target, place.path);
}

/** One string per place, to compare and to index by. */
export function placeKey(place: Place): string {
  return place.root === undefined ? place.path : path.join(place.root, place.path);
}
