// Writes a database for the measurements with Debian's RocksDB:
//   generate DIR tables BYTES none|lz4|zstd     sorted entries of 16 + 120 bytes, default table options, no WAL left
//   generate DIR files COUNT                    so many tables of 1,000 such entries
//   generate DIR wal BYTES                      batches of one to twenty puts, all of it in one live WAL
//   generate DIR digest                         opens it for reading and prints the entries and the hash that kvdoctor simulate --digest gives
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "entries.h"
using namespace ROCKSDB_NAMESPACE;

static void must(const Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

// The engine's own answer to `kvdoctor simulate --digest`: WALs are replayed into memory, nothing is written but the log of the engine.
static int digest(const std::string& dir) {
  Options o;
  o.keep_log_file_num = 1;
  DB* db = nullptr;
  must(DB::OpenForReadOnly(o, dir, &db));
  uint64_t hash = 14695981039346656037ull, entries = 0;
  const auto add = [&hash](const Slice& bytes) {
    for (size_t i = 0; i < bytes.size(); i++) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 1099511628211ull;
  };
  Iterator* at = db->NewIterator(ReadOptions());
  for (at->SeekToFirst(); at->Valid(); at->Next(), entries++) {
    add(at->key());
    add(Slice("\0", 1));
    add(at->value());
    add("\1");
  }
  must(at->status());
  printf("%llu %016llx\n", static_cast<unsigned long long>(entries), static_cast<unsigned long long>(hash));
  return 0;
}

int main(int count, char** args) {
  if (count == 3 && std::string(args[2]) == "digest") return digest(args[1]);
  if (count < 4) return fprintf(stderr, "usage: generate DIR digest | tables|files|wal BYTES|COUNT [none|lz4|snappy|zstd]\n"), 2;
  const std::string dir = args[1], what = args[2], codec = count > 4 ? args[4] : "none";
  const uint64_t bytes = strtoull(args[3], nullptr, 10);
  Options o;
  o.create_if_missing = true;
  o.compression = codec == "lz4"      ? kLZ4Compression
                  : codec == "snappy" ? kSnappyCompression
                  : codec == "zstd"   ? kZSTD
                                      : kNoCompression;
  o.info_log_level = HEADER_LEVEL;
  o.write_buffer_size = what == "wal" ? 4ull << 30 : 64 << 20;
  // Also what the engine preallocates of a WAL: without it, the size of the write buffer.
  if (what == "wal") o.max_total_wal_size = 2 * bytes;
  if (what == "files") {
    // Every flush is to be one table more, however many there are.
    o.disable_auto_compactions = true;
    o.level0_slowdown_writes_trigger = o.level0_stop_writes_trigger = 1 << 30;
  }
  BlockBasedTableOptions t;
  t.filter_policy.reset(NewBloomFilterPolicy(10));
  o.table_factory.reset(NewBlockBasedTableFactory(t));
  DB* db = nullptr;
  must(DB::Open(o, dir, &db));
  WriteOptions w;
  w.disableWAL = what != "wal";
  uint64_t written = 0, n = 0;
  while (written < bytes) {
    WriteBatch b;
    const uint64_t puts = what == "wal" ? 1 + next() % 20 : 1000;
    for (uint64_t i = 0; i < puts; i++, n++) must(b.Put(key(what == "wal" ? next() % 10000000 : n), value(120)));
    written += what == "files" ? 1 : b.GetDataSize();
    must(db->Write(w, &b));
    if (what == "files") must(db->Flush(FlushOptions()));
  }
  if (what != "wal") {
    must(db->Flush(FlushOptions()));
    delete db;
    return 0;
  }
  must(db->FlushWAL(true));
  kill(getpid(), SIGKILL);
}
