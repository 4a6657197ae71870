// Makes database directories whose files are of several moments or histories, and says what RocksDB saw before they came apart.
//   moments make KIND SEED DIR    prints {"truth": {family: {n, fnv}}}, or "skip" where the seed does not lead to such a directory
//   moments view DIR              opens DIR in absolute mode (and changes it) and prints {"open": status, "cfs": {family: {n, fnv}}}
// Kinds: stale (MANIFEST copied first), rsync (MANIFEST copied last), livefiles (the MANIFEST of GetLiveFiles copied whole), opener and
// opener-wrote (a second process), missing (tables of a recovery flush gone, their logs here), repairdb, stale-family (stale, and a column
// family added meanwhile), rsync-dropped (rsync, and one dropped meanwhile), live (nothing came apart), wals (the same with several logs).
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/version.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/object_registry.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace ROCKSDB_NAMESPACE;
// from RocksDB 11 on an open gives a unique_ptr
template <class... Arguments>
static Status openDb(DB** db, const Arguments&... arguments) {
#if ROCKSDB_MAJOR >= 11
  std::unique_ptr<DB> opened;
  Status s = DB::Open(arguments..., &opened);
  *db = opened.release();
  return s;
#else
  return DB::Open(arguments..., db);
#endif
}

namespace fs = std::filesystem;

static void check(const Status& s) {
  if (s.ok()) return;
  fprintf(stderr, "%s\n", s.ToString().c_str());
  _exit(3);
}

static uint64_t fnv(uint64_t hash, const Slice& bytes) {
  for (size_t i = 0; i < bytes.size(); i++) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 1099511628211ull;
  return hash;
}

static std::string contents(DB* db, const std::vector<ColumnFamilyHandle*>& families) {
  std::string text = "{";
  for (auto* family : families) {
    std::unique_ptr<Iterator> it(db->NewIterator(ReadOptions(), family));
    uint64_t n = 0, hash = 14695981039346656037ull;
    for (it->SeekToFirst(); it->Valid(); it->Next(), n++) {
      hash = fnv(fnv(hash, it->key()), Slice("\0", 1));
      hash = fnv(fnv(hash, it->value()), Slice("\1", 1));
    }
    char entry[256];
    snprintf(entry, sizeof entry, "%s\"%s\":{\"n\":%llu,\"fnv\":\"%016llx\"}", text.size() > 1 ? "," : "",
             family->GetName().c_str(), (unsigned long long)(it->status().ok() ? n : 0), (unsigned long long)hash);
    text += entry;
  }
  return text + "}";
}

static bool isManifest(const std::string& n) { return n.rfind("MANIFEST", 0) == 0 || n == "CURRENT"; }
static bool isMetadata(const std::string& n) { return isManifest(n) || n.rfind("OPTIONS", 0) == 0 || n == "IDENTITY"; }
static bool endsWith(const std::string& n, const std::string& end) {
  return n.size() > end.size() && n.compare(n.size() - end.size(), end.size(), end) == 0;
}
static bool isLog(const std::string& n) { return endsWith(n, ".log"); }
static bool isData(const std::string& n) { return endsWith(n, ".sst") || endsWith(n, ".blob"); }

static void copyFiles(const std::string& from, const std::string& to, const std::function<bool(const std::string&)>& wanted) {
  fs::create_directories(to);
  for (auto& entry : fs::directory_iterator(from)) {
    auto name = entry.path().filename().string();
    if (!entry.is_regular_file() || name.rfind("LOG", 0) == 0 || name == "LOCK" || !wanted(name)) continue;
    std::error_code gone;
    fs::copy_file(entry.path(), to + "/" + name, fs::copy_options::overwrite_existing, gone);
  }
}
static bool all(const std::string&) { return true; }

// One process that has a database open. What it writes follows from the seed.
struct Writer {
  std::mt19937_64 random;
  Options options;
  std::vector<std::string> names;
  bool blobs = false;
  DB* db = nullptr;
  std::vector<ColumnFamilyHandle*> families;

  explicit Writer(uint64_t seed) : random(seed) {
    options.create_if_missing = options.create_missing_column_families = true;
    options.disable_auto_compactions = seed % 2 == 1;
    options.write_buffer_size = 64 << 10;
    blobs = options.enable_blob_files = seed % 3 == 1;
    options.min_blob_size = 100;
    options.enable_blob_garbage_collection = seed % 2 == 1;
    if (seed % 7 == 3) options.compaction_style = kCompactionStyleUniversal;
    if (seed % 6 == 5) options.max_manifest_file_size = 600;
    names.push_back("default");
    for (uint64_t i = 1; i <= seed % 3; i++) names.push_back("cf" + std::to_string(i));
  }
  void open(const std::string& dir) {
    std::vector<ColumnFamilyDescriptor> descriptors;
    for (auto& name : names) descriptors.emplace_back(name, ColumnFamilyOptions(options));
    check(openDb(&db, DBOptions(options), dir, descriptors, &families));
  }
  ColumnFamilyHandle* any() { return families[random() % families.size()]; }
  // puts, overwrites, deletions and range deletions over few keys, so that an old version that came back would show
  void write(int batches) {
    for (int i = 0; i < batches; i++) {
      WriteBatch batch;
      for (int k = 1 + random() % 3; k > 0; k--) {
        char key[32], end[32];
        int at = random() % 400;
        snprintf(key, sizeof key, "key%06d", at);
        snprintf(end, sizeof end, "key%06d", at + 5);
        auto* family = any();
        int what = random() % 40;
        if (what == 0) batch.DeleteRange(family, key, end);
        else if (what < 10) batch.Delete(family, key);
        else batch.Put(family, key, "v" + std::to_string(random() % 1000000) + std::string(20 + random() % (blobs ? 400 : 80), 'a' + random() % 26));
      }
      check(db->Write(WriteOptions(), &batch));
    }
    check(db->FlushWAL(true));
  }
  void flush(ColumnFamilyHandle* family) { check(db->Flush(FlushOptions(), family)); }
  void flushAll() { for (auto* family : families) flush(family); }
  void compact(ColumnFamilyHandle* family) {
    CompactRangeOptions forced;
    forced.bottommost_level_compaction = BottommostLevelCompaction::kForce;
    check(db->CompactRange(forced, family, nullptr, nullptr));
  }
  void live(int rounds) {
    for (int i = 0; i < rounds; i++) {
      write(30 + random() % 100);
      if (random() % 2) flush(any());
      if (random() % 4 == 0) compact(any());
    }
  }
  // flushes and compactions in the background come to their end
  void settle() {
    for (uint64_t busy = 1, i = 0; busy > 0 && i < 2000; i++) {
      busy = 0;
      for (auto* family : families) {
        for (auto* property : {"rocksdb.compaction-pending", "rocksdb.num-running-compactions", "rocksdb.num-running-flushes"}) {
          uint64_t count = 0;
          db->GetIntProperty(family, property, &count);
          busy += count;
        }
      }
      if (busy > 0) usleep(1000);
    }
    usleep(20000);
  }
};

// Makes the directory; false where there is nothing of the kind in it.
static bool make(const std::string& kind, uint64_t seed, const std::string& dir, std::string* truth) {
  Writer writer(seed);
  auto& random = writer.random;
  const std::string live = dir + ".live", other = dir + ".other";
  writer.open(live);
  writer.live(2 + random() % 5);
  writer.settle();
  auto see = [&] { *truth = contents(writer.db, writer.families); };
  auto goOn = [&] {
    for (int i = 1 + random() % 3; i > 0; i--) {
      writer.write(40);
      writer.flush(writer.any());
      if (random() % 2) writer.compact(writer.any());
    }
    writer.settle();
  };
  // a compaction that begins meanwhile would delete what the copy has not come to
  auto copyAtRest = [&](const std::function<bool(const std::string&)>& wanted) {
    check(writer.db->PauseBackgroundWork());
    copyFiles(live, dir, wanted);
    check(writer.db->ContinueBackgroundWork());
  };
  if (kind == "stale") {
    copyAtRest(isMetadata);
    goOn();
    writer.write(10);
    see();
    copyAtRest([](auto& n) { return isData(n) || isLog(n); });
  } else if (kind == "rsync") {
    copyAtRest([](auto& n) { return isData(n) || isLog(n); });
    see();
    if (random() % 2) writer.write(20);
    writer.flushAll();
    for (auto* family : writer.families) if (random() % 2) writer.compact(family);
    writer.settle();
    copyAtRest(isMetadata);
  } else if (kind == "livefiles") {
    std::vector<std::string> files;
    uint64_t size = 0;
    check(writer.db->DisableFileDeletions());
    check(writer.db->GetLiveFiles(files, &size, true));
    see();
    std::set<std::string> listed(files.begin(), files.end());
    copyAtRest([&](auto& n) { return !isManifest(n) && listed.count("/" + n) > 0; });
    writer.write(20);
    writer.flushAll();
    for (auto* family : writer.families) if (random() % 2) writer.compact(family);
    writer.settle();
    copyAtRest(isManifest);
    for (auto& file : files) if (isManifest(file.substr(1)) && !fs::exists(dir + file)) return false;
  } else if (kind == "opener" || kind == "opener-wrote") {
    writer.flushAll();
    writer.write(20);
    writer.settle();
    copyFiles(live, other, all);
    Writer second(seed);
    second.random.seed(seed + 1);
    second.open(other);
    if (kind == "opener-wrote") second.write(15);
    usleep(30000);
    goOn();
    writer.write(15);
    see();
    copyAtRest(all);
    copyFiles(other, dir, [&](auto& n) { return n == "CURRENT" || (!fs::exists(dir + "/" + n) && (isMetadata(n) || kind == "opener-wrote")); });
  } else if (kind == "missing") {
    writer.write(60);
    see();
    copyFiles(live, other, all);
    std::set<std::string> before;
    for (auto& entry : fs::directory_iterator(other)) before.insert(entry.path().filename().string());
    copyFiles(other, dir, isLog);
    Writer second(seed);
    second.open(other);
    check(second.db->DisableFileDeletions());
    copyFiles(other, dir, [](auto& n) { return !isLog(n); });
    copyFiles(other, dir, [&](auto& n) { return isLog(n) && !fs::exists(dir + "/" + n); });
    bool gone = false;
    for (auto& entry : fs::directory_iterator(other)) {
      auto name = entry.path().filename().string();
      if (!endsWith(name, ".sst") || before.count(name) > 0) continue;
      if (gone && random() % 2) continue;
      gone = fs::remove(dir + "/" + name) || gone;
    }
    if (!gone) return false;
  } else if (kind == "repairdb") {
    writer.write(20);
    see();
    copyAtRest(all);
    Options plain;
    RepairDB(dir, plain);
    for (auto& entry : fs::directory_iterator(dir)) if (entry.path().filename().string().rfind("LOG", 0) == 0) fs::remove(entry.path());
  } else if (kind == "stale-family") {
    copyAtRest(isMetadata);
    ColumnFamilyHandle* added = nullptr;
    check(writer.db->CreateColumnFamily(ColumnFamilyOptions(writer.options), "added", &added));
    writer.families.push_back(added);
    goOn();
    writer.flush(added);
    writer.write(10);
    see();
    copyAtRest([](auto& n) { return isData(n) || isLog(n); });
  } else if (kind == "rsync-dropped") {
    if (writer.families.size() < 2) return false;
    copyAtRest([](auto& n) { return isData(n) || isLog(n); });
    see();
    check(writer.db->DropColumnFamily(writer.families.back()));
    check(writer.db->DestroyColumnFamilyHandle(writer.families.back()));
    writer.families.pop_back();
    writer.write(20);
    writer.flushAll();
    for (auto* family : writer.families) writer.compact(family);
    writer.settle();
    copyAtRest(isMetadata);
  } else if (kind == "live" || kind == "wals") {
    // where only one column family is flushed, the logs stay for the others
    for (int i = kind == "wals" ? 3 + random() % 2 : 0; i > 0; i--) {
      writer.write(40);
      writer.flush(writer.families.back());
    }
    writer.write(25);
    see();
    copyAtRest(all);
  } else {
    return false;
  }
  // the engine may still remove files of its own
  std::error_code ignored;
  fs::remove_all(live, ignored);
  fs::remove_all(other, ignored);
  return true;
}

static void view(const std::string& dir) {
  Options options;
  options.wal_recovery_mode = WALRecoveryMode::kAbsoluteConsistency;
  std::vector<std::string> names;
  Status status = DB::ListColumnFamilies(options, dir, &names);
  DB* db = nullptr;
  std::vector<ColumnFamilyHandle*> families;
  if (status.ok()) {
    std::vector<ColumnFamilyDescriptor> descriptors;
    for (auto& name : names) descriptors.emplace_back(name, ColumnFamilyOptions());
    status = openDb(&db, options, dir, descriptors, &families);
  }
  printf("{\"open\":\"%s\",\"cfs\":%s}\n", status.ok() ? "OK" : "refused", status.ok() ? contents(db, families).c_str() : "{}");
}

int main(int count, char** arguments) {
  const std::string command = count > 1 ? arguments[1] : "";
  if (command == "view" && count == 3) view(arguments[2]);
  else if (command == "make" && count == 5) {
    std::string truth;
    const bool made = make(arguments[2], std::stoull(arguments[3]), arguments[4], &truth);
    if (made) printf("{\"truth\":%s}\n", truth.c_str());
    else puts("skip");
  } else {
    return 2;
  }
  fflush(stdout);
  // as a process that is killed
  _exit(0);
}
