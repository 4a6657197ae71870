// Writes a LevelDB database for the measurements with Debian's LevelDB:
//   generate-leveldb DIR BYTES    sorted entries of 16 + 120 bytes, Snappy, Bloom filters, default sizes, no WAL left with anything in it
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <cstdlib>

#include "entries.h"
using namespace leveldb;

static void must(const Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

int main(int count, char** args) {
  if (count != 3) return fprintf(stderr, "usage: generate-leveldb DIR BYTES\n"), 2;
  const uint64_t bytes = strtoull(args[2], nullptr, 10);
  Options o;
  o.create_if_missing = true;
  o.filter_policy = NewBloomFilterPolicy(10);
  DB* db = nullptr;
  must(DB::Open(o, args[1], &db));
  for (uint64_t n = 0, written = 0; written < bytes;) {
    WriteBatch b;
    for (int i = 0; i < 1000; i++, n++) b.Put(key(n), value(120));
    written += b.ApproximateSize();
    must(db->Write(WriteOptions(), &b));
  }
  // moves what is in memory and in the log into tables
  db->CompactRange(nullptr, nullptr);
  delete db;
}
