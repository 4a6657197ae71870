// BackupEngine directories by Debian's RocksDB, and what BackupEngine says of damaged ones.
//   backups make DIR SEED [WORD…]     writes a backup directory; the words say how (see `Plan`)
//   backups killed DIR SEED create|delete SHARE
//                                     the same, killed when SHARE (0 to 1) of the time is over that one more backup, or deleting one, takes
//   backups verify SCRATCH            for each directory named on standard input one line of JSON: what the engine knows, verifies,
//                                     restores, opens and reads of it. An engine with assertions may die: every directory has its own process.
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/utilities/transaction_db.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>
using namespace ROCKSDB_NAMESPACE;

static void must(const Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

// How a backup directory is made: the words of the command line.
//   naming    session-size (default), session, crc, shared (shared/), private (no sharing)
//   backups=N delete=N purge=N        how many, which one is deleted, how many newest are kept in the end
//   nologs flush schema2 metadata     options of the backup
//   families txn written-prepared blobs compact ingest reopen busy      what the database is like, and what goes on meanwhile
struct Plan {
  std::set<std::string> words;
  bool has(const char* word) const { return words.count(word) > 0; }
  int number(const std::string& name, int otherwise) const {
    for (const auto& word : words)
      if (word.rfind(name + "=", 0) == 0) return atoi(word.c_str() + name.size() + 1);
    return otherwise;
  }
};

static Options databaseOptions(const Plan& plan) {
  Options o;
  o.create_if_missing = true;
  o.create_missing_column_families = true;
  o.info_log_level = HEADER_LEVEL;
  o.keep_log_file_num = 1;
  o.disable_auto_compactions = true;
  o.compression = kNoCompression;
  if (plan.has("blobs")) {
    o.enable_blob_files = true;
    o.min_blob_size = 80;
  }
  return o;
}

static BackupEngineOptions backupOptions(const Plan& plan, const std::string& dir) {
  using Naming = BackupEngineOptions::ShareFilesNaming;
  BackupEngineOptions o(dir);
  o.share_table_files = !plan.has("private");
  o.share_files_with_checksum = !plan.has("shared") && !plan.has("private");
  if (plan.has("session")) o.share_files_with_checksum_naming = Naming::kUseDbSessionId;
  if (plan.has("crc")) o.share_files_with_checksum_naming = Naming::kLegacyCrc32cAndFileSize;
  o.backup_log_files = !plan.has("nologs");
  if (plan.has("schema2")) o.schema_version = 2;
  return o;
}

struct Database {
  Plan plan;
  std::string path;
  Options options;
  std::mt19937 random;
  DB* db = nullptr;
  std::vector<ColumnFamilyHandle*> families;
  TransactionDB* transactions = nullptr;
  int round = 0;

  Database(const Plan& p, const std::string& at, unsigned seed)
      : plan(p), path(at), options(databaseOptions(p)), random(seed) {
    open();
  }

  void open() {
    std::vector<std::string> names = {kDefaultColumnFamilyName};
    if (plan.has("families")) names.insert(names.end(), {"users", "log"});
    std::vector<ColumnFamilyDescriptor> described;
    for (const auto& name : names) described.emplace_back(name, options);
    if (plan.has("txn")) {
      TransactionDBOptions how;
      if (plan.has("written-prepared")) how.write_policy = WRITE_PREPARED;
      must(TransactionDB::Open(options, how, path, described, &families, &transactions));
      db = transactions;
    } else {
      must(DB::Open(options, path, described, &families, &db));
    }
  }

  void close() {
    for (auto* family : families) delete family;
    families.clear();
    delete db;
    db = nullptr;
  }

  std::string bytes(size_t size) {
    std::string text;
    while (text.size() < size) text += "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
    return text;
  }

  std::string key() { return "key" + std::to_string(1000 + random() % 400); }

  // Some writes; about half of them are flushed, the rest is in the WAL alone.
  void change(size_t valueSize = 40, int count = 60) {
    round++;
    WriteOptions how;
    for (int i = 0; i < count; i++) {
      auto* family = families[random() % families.size()];
      if (random() % 8 == 0) {
        must(db->Delete(how, family, key()));
      } else {
        must(db->Put(how, family, key(), bytes(valueSize + random() % 80)));
      }
      if (i == count / 2) must(db->Flush(FlushOptions(), families));
    }
    if (plan.has("compact") && round % 2 == 0) must(db->CompactRange(CompactRangeOptions(), nullptr, nullptr));
    if (plan.has("ingest")) ingest();
    if (plan.has("txn")) prepare();
    if (plan.has("reopen") && round % 2 == 1) {
      close();
      open();
    }
  }

  // Overlaps what is there, so that it takes a sequence number.
  void ingest() {
    std::string file = path + ".ingest.sst";
    SstFileWriter writer(EnvOptions(), options);
    must(writer.Open(file));
    must(writer.Put("key1000", bytes(30)));
    must(writer.Put("key1399", bytes(30)));
    must(writer.Finish());
    must(db->IngestExternalFile({file}, IngestExternalFileOptions()));
    std::filesystem::remove(file);
  }

  // One that stays prepared, and holds its WAL while newer ones come and stay empty.
  void prepare() {
    Transaction* t = transactions->BeginTransaction(WriteOptions());
    must(t->SetName("t" + std::to_string(round)));
    must(t->Put("prepared" + std::to_string(round), bytes(20)));
    must(t->Prepare());
    if (round % 2 == 0) must(t->Commit());
    must(db->Flush(FlushOptions(), families));
    delete t;
  }
};

struct Backups {
  Plan plan;
  BackupEngine* engine = nullptr;

  Backups(const Plan& p, const std::string& dir) : plan(p) {
    must(BackupEngine::Open(backupOptions(plan, dir), Env::Default(), &engine));
  }
  ~Backups() { delete engine; }

  void create(DB* db) {
    CreateBackupOptions how;
    how.flush_before_backup = plan.has("flush");
    must(engine->CreateNewBackupWithMetadata(how, db, plan.has("metadata") ? "nightly" : ""));
  }
};

static int make(const std::string& dir, unsigned seed, const Plan& plan) {
  Database database(plan, dir + ".db", seed);
  {
    Backups backups(plan, dir);
    for (int i = 1; i <= plan.number("backups", 3); i++) {
      database.change();
      std::atomic<bool> over{!plan.has("busy")};
      std::thread writer([&] {
        for (int n = 0; !over; n++) must(database.db->Put(WriteOptions(), "busy" + std::to_string(n % 50), "x"));
      });
      backups.create(database.db);
      over = true;
      writer.join();
    }
    if (int id = plan.number("delete", 0)) must(backups.engine->DeleteBackup(id));
    if (int keep = plan.number("purge", 0)) must(backups.engine->PurgeOldBackups(keep));
  }
  fflush(stdout);
  // as a server that is killed: nothing is closed
  std::filesystem::remove_all(dir + ".db");
  _exit(0);
}

static double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

static void act(Backups& backups, DB* db, bool create) {
  if (create) {
    backups.create(db);
  } else {
    must(backups.engine->DeleteBackup(2));
  }
}

// Runs what is to be killed in a process of its own. Returns the seconds that it ran.
static double run(const std::string& dir, const Plan& plan, bool create, double killAfter) {
  int ready[2];
  if (pipe(ready) != 0) exit(1);
  pid_t child = fork();
  if (child == 0) {
    Database database(plan, dir + ".db", 7);
    Backups backups(plan, dir);
    if (write(ready[1], "r", 1) != 1) _exit(1);
    act(backups, database.db, create);
    _exit(0);
  }
  char byte;
  if (read(ready[0], &byte, 1) != 1) exit(1);
  auto start = std::chrono::steady_clock::now();
  if (killAfter >= 0) {
    usleep(static_cast<useconds_t>(killAfter * 1e6));
    kill(child, SIGKILL);
  }
  int status;
  waitpid(child, &status, 0);
  close(ready[0]);
  close(ready[1]);
  return secondsSince(start);
}

static int killed(const std::string& dir, unsigned seed, bool create, double share) {
  Plan plan;
  {
    Database database(plan, dir + ".db", seed);
    Backups backups(plan, dir);
    for (int i = 0; i < 3; i++) {
      database.change(4000, 600);
      backups.create(database.db);
    }
    database.change(4000, 600);
    database.close();
  }
  namespace fs = std::filesystem;
  fs::copy(dir, dir + ".trial", fs::copy_options::recursive);
  fs::copy(dir + ".db", dir + ".trial.db", fs::copy_options::recursive);
  double whole = run(dir + ".trial", plan, create, -1);
  fs::remove_all(dir + ".trial");
  fs::remove_all(dir + ".trial.db");
  run(dir, plan, create, whole * share);
  fs::remove_all(dir + ".db");
  return 0;
}

static std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c < 0x20 || c > 0x7e ? '?' : static_cast<char>(c);
  }
  return out + "\"";
}

// Opens what was restored and reads all of it.
static void readAll(const std::string& dir) {
  DBOptions options;
  std::vector<std::string> names;
  Status s = DB::ListColumnFamilies(options, dir, &names);
  std::vector<ColumnFamilyDescriptor> described;
  std::vector<ColumnFamilyHandle*> families;
  TransactionDB* db = nullptr;
  if (s.ok()) {
    for (const auto& name : names) described.emplace_back(name, ColumnFamilyOptions());
    s = TransactionDB::Open(options, TransactionDBOptions(), dir, described, &families, &db);
    // transactions of another write policy in the WAL are refused as not supported
    TransactionDBOptions prepared;
    prepared.write_policy = WRITE_PREPARED;
    if (s.IsNotSupported()) s = TransactionDB::Open(options, prepared, dir, described, &families, &db);
  }
  printf(",\"open\":%s", quoted(s.ToString()).c_str());
  if (!s.ok()) return;
  uint64_t count = 0;
  uint64_t hash = 14695981039346656037ull;
  auto add = [&hash](const Slice& slice) {
    for (size_t i = 0; i < slice.size(); i++) hash = (hash ^ static_cast<unsigned char>(slice[i])) * 1099511628211ull;
    hash = (hash ^ 0xff) * 1099511628211ull;
  };
  for (size_t i = 0; i < families.size() && s.ok(); i++) {
    add(names[i]);
    std::unique_ptr<Iterator> it(db->NewIterator(ReadOptions(), families[i]));
    for (it->SeekToFirst(); it->Valid(); it->Next(), count++) {
      add(it->key());
      add(it->value());
    }
    s = it->status();
  }
  printf(",\"read\":%s,\"entries\":%llu,\"hash\":\"%016llx\"", quoted(s.ToString()).c_str(),
         static_cast<unsigned long long>(count), static_cast<unsigned long long>(hash));
}

static void verify(const std::string& dir, const std::string& scratch) {
  BackupEngineReadOnly* engine = nullptr;
  Status s = BackupEngineReadOnly::Open(BackupEngineOptions(dir), Env::Default(), &engine);
  printf("{\"open\":%s", quoted(s.ToString()).c_str());
  if (!s.ok()) {
    printf("}\n");
    return;
  }
  std::vector<BackupInfo> known;
  engine->GetBackupInfo(&known);
  std::vector<BackupID> corrupt;
  engine->GetCorruptedBackups(&corrupt);
  printf(",\"corrupt\":[");
  for (size_t i = 0; i < corrupt.size(); i++) printf("%s%u", i > 0 ? "," : "", corrupt[i]);
  printf("],\"backups\":{");
  const char* comma = "";
  for (const auto& backup : known) {
    // one that lists no file takes a place in the list and has no id
    if (backup.backup_id == 0) continue;
    // what was restored stays open: a place of its own for each
    const std::string into = scratch + "/" + std::to_string(backup.backup_id);
    Status quick = engine->VerifyBackup(backup.backup_id, false);
    Status full = engine->VerifyBackup(backup.backup_id, true);
    Status restored = engine->RestoreDBFromBackup(backup.backup_id, into, into);
    printf("%s\"%u\":{\"verify\":%s,\"checksums\":%s,\"restore\":%s", comma, backup.backup_id,
           quoted(quick.ToString()).c_str(), quoted(full.ToString()).c_str(), quoted(restored.ToString()).c_str());
    fflush(stdout);
    if (restored.ok()) readAll(into);
    printf("}");
    fflush(stdout);
    comma = ",";
  }
  printf("}}\n");
}

static int verifyAll(const std::string& scratch) {
  std::string dir;
  while (std::getline(std::cin, dir)) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      std::filesystem::create_directories(scratch);
      alarm(120);
      verify(dir, scratch);
      fflush(stdout);
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    std::filesystem::remove_all(scratch);
    if (WIFSIGNALED(status)) printf("\ndied %d\n", WTERMSIG(status));
    printf("done\n");
    fflush(stdout);
  }
  return 0;
}

int main(int count, char** given) {
  std::vector<std::string> words(given + 1, given + count);
  if (words.size() == 2 && words[0] == "verify") return verifyAll(words[1]);
  if (words.size() == 5 && words[0] == "killed")
    return killed(words[1], std::stoul(words[2]), words[3] == "create", std::stod(words[4]));
  if (words.size() >= 3 && words[0] == "make") {
    Plan plan;
    plan.words.insert(words.begin() + 3, words.end());
    return make(words[1], std::stoul(words[2]), plan);
  }
  fprintf(stderr, "backups make DIR SEED [WORD...] | killed DIR SEED create|delete SHARE | verify SCRATCH\n");
  return 2;
}
