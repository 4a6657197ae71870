// Writes a database for the measurements with Debian's RocksDB:
//   generate DIR tables BYTES none|lz4|zstd     sorted entries of 16 + 120 bytes, default table options, no WAL left
//   generate DIR wal BYTES                      batches of one to twenty puts, all of it in one live WAL
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
using namespace ROCKSDB_NAMESPACE;

static void must(const Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

static uint64_t state = 88172645463325252ull;
static uint64_t next() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// Half random, half repeated: compresses to a little more than half, as db_bench's values do.
static std::string value(size_t size) {
  std::string text(size, 'x');
  for (size_t i = 0; i < size / 2; i++) text[i] = static_cast<char>(next() >> 20);
  for (size_t i = size / 2; i < size; i++) text[i] = text[i - size / 2];
  return text;
}

static std::string key(uint64_t n) {
  char text[32];
  snprintf(text, sizeof text, "key-%012llu", static_cast<unsigned long long>(n));
  return text;
}

int main(int count, char** args) {
  if (count < 4) return fprintf(stderr, "usage: generate DIR tables|wal BYTES [none|lz4|zstd]\n"), 2;
  const std::string dir = args[1], what = args[2], codec = count > 4 ? args[4] : "none";
  const uint64_t bytes = strtoull(args[3], nullptr, 10);
  Options o;
  o.create_if_missing = true;
  o.compression = codec == "lz4" ? kLZ4Compression : codec == "zstd" ? kZSTD : kNoCompression;
  o.info_log_level = HEADER_LEVEL;
  o.write_buffer_size = what == "wal" ? 4ull << 30 : 64 << 20;
  // Also what the engine preallocates of a WAL: without it, the size of the write buffer.
  if (what == "wal") o.max_total_wal_size = 2 * bytes;
  BlockBasedTableOptions t;
  t.filter_policy.reset(NewBloomFilterPolicy(10));
  o.table_factory.reset(NewBlockBasedTableFactory(t));
  DB* db = nullptr;
  must(DB::Open(o, dir, &db));
  WriteOptions w;
  w.disableWAL = what == "tables";
  uint64_t written = 0, n = 0;
  while (written < bytes) {
    WriteBatch b;
    const uint64_t puts = what == "tables" ? 1000 : 1 + next() % 20;
    for (uint64_t i = 0; i < puts; i++, n++) must(b.Put(key(what == "tables" ? n : next() % 10000000), value(120)));
    written += b.GetDataSize();
    must(db->Write(w, &b));
  }
  if (what == "tables") {
    must(db->Flush(FlushOptions()));
    delete db;
    return 0;
  }
  must(db->FlushWAL(true));
  kill(getpid(), SIGKILL);
}
