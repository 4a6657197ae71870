// Databases and their second sources by Debian's RocksDB.
//   second-source copies DB CHECKPOINT BACKUP SEED   a database of two families, tables, blob files and three WALs; a checkpoint of it,
//                                                    a BackupEngine directory, then a few writes more
//   second-source pair MASTER REPLICA SEED           a master, and a replica that applies its batches as GetUpdatesSince gives them
//   second-source copies-of DB CHECKPOINT BACKUP HOW makes these two of any database, which is opened for reading (HOW is read), or
//                                                    for writing with its write policy (0: no transactions), which begins another MANIFEST
//   second-source live DB FLUSHES SHAPE SEED         opens a database and writes batches that are the same in every life and others, of the
//                                                    same lengths, that SEED makes; flushes one family FLUSHES times in between. SHAPE tells
//                                                    which are SEED's: all but the first three (parted), the second half of each log (later),
//                                                    or one in the middle of each log (one)
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/merge_operator.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/utilities/options_util.h>
#include <rocksdb/utilities/transaction_db.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>
using namespace ROCKSDB_NAMESPACE;

static void must(const Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

static Options options() {
  Options o;
  o.create_if_missing = true;
  o.create_missing_column_families = true;
  o.compression = kNoCompression;
  o.disable_auto_compactions = true;
  o.avoid_flush_during_shutdown = true;
  o.avoid_flush_during_recovery = true;
  o.info_log_level = HEADER_LEVEL;
  o.WAL_ttl_seconds = 3600;
  o.enable_blob_files = true;
  o.min_blob_size = 400;
  BlockBasedTableOptions table;
  table.block_size = 512;
  o.table_factory.reset(NewBlockBasedTableFactory(table));
  return o;
}

struct Open {
  DB* db = nullptr;
  std::vector<ColumnFamilyHandle*> families;
  explicit Open(const std::string& dir) {
    std::vector<ColumnFamilyDescriptor> all = {{kDefaultColumnFamilyName, options()}, {"users", options()}};
    must(DB::Open(DBOptions(options()), dir, all, &families, &db));
  }
  // Any database that is there, with all its families, as it was opened before as far as its WALs are concerned.
  Open(const std::string& dir, const std::string& how) {
    Options each = options();
    must(MergeOperator::CreateFromString(ConfigOptions(), "stringappend", &each.merge_operator));
    ConfigOptions lenient;
    lenient.ignore_unknown_options = lenient.ignore_unsupported_options = true;
    DBOptions was;
    std::vector<ColumnFamilyDescriptor> all;
    if (LoadLatestOptions(lenient, dir, &was, &all).ok()) {
      each.wal_recovery_mode = was.wal_recovery_mode;
      each.track_and_verify_wals_in_manifest = was.track_and_verify_wals_in_manifest;
    }
    std::vector<std::string> names;
    must(DB::ListColumnFamilies(each, dir, &names));
    all.clear();
    for (auto& name : names) all.emplace_back(name, each);
    if (how == "read") {
      // else the replay of a prepared transaction ends the process
      each.allow_2pc = true;
      must(DB::OpenForReadOnly(each, dir, all, &families, &db));
      return;
    }
    const int policy = std::stoi(how);
    if (policy == 0) {
      must(DB::Open(each, dir, all, &families, &db));
      return;
    }
    TransactionDBOptions transactions;
    transactions.write_policy = TxnDBWritePolicy(policy - 1);
    TransactionDB* opened;
    must(TransactionDB::Open(each, transactions, dir, all, &families, &opened));
    db = opened;
  }
  ~Open() {
    for (auto* family : families) must(db->DestroyColumnFamilyHandle(family));
    must(db->Close());
    delete db;
  }
};

// Values of one length in every life: files of two lives have the same sizes.
static void write(Open& to, std::mt19937& random, int from, int count) {
  for (int i = from; i < from + count; i++) {
    WriteBatch batch;
    char key[16];
    snprintf(key, sizeof key, "key%05d", i);
    for (auto* family : to.families) {
      std::string value(i % 7 == 0 ? 500 : 60, 'a');
      for (auto& c : value) c = 'a' + random() % 26;
      must(batch.Put(family, key, value));
    }
    if (i % 5 == 0) must(batch.Delete(to.families.back(), key));
    must(to.db->Write(WriteOptions(), &batch));
  }
}

static void copy(Open& of, const char* to, const char* backup) {
  Checkpoint* checkpoint;
  must(Checkpoint::Create(of.db, &checkpoint));
  must(checkpoint->CreateCheckpoint(to, 1 << 30));
  delete checkpoint;
  BackupEngine* backups;
  BackupEngineOptions at(backup);
  at.share_table_files = true;
  must(BackupEngine::Open(Env::Default(), at, &backups));
  must(backups->CreateNewBackup(of.db, false));
  delete backups;
}

static const int LOG = 23;

static bool isOwn(const std::string& shape, int i) {
  if (shape == "parted") return i >= 3;
  return shape == "later" ? i % LOG >= LOG / 2 : i % LOG == LOG / 2;
}

int main(int argc, char** argv) {
  const std::string what = argv[1];
  const int last = atoi(argv[argc - 1]);
  if (what == "copies-of") {
    Open db(argv[2], argv[5]);
    copy(db, argv[3], argv[4]);
    return 0;
  }
  std::mt19937 random(last);
  if (what == "live") {
    Open db(argv[2], "0");
    const std::string shape = argv[4];
    for (int i = 0; i < LOG * (1 + atoi(argv[3])); i++) {
      if (i > 0 && i % LOG == 0) must(db.db->Flush(FlushOptions(), db.families[0]));
      std::mt19937 its(isOwn(shape, i) ? 1000 * last + i : i);
      write(db, its, 200 + i, 1);
    }
    return 0;
  }
  Open db(argv[2]);
  if (what == "pair") {
    Open replica(argv[3]);
    write(db, random, 0, 60);
    // one family's flush begins another log, and the first stays for the other family
    must(db.db->Flush(FlushOptions(), db.families[0]));
    write(db, random, 60, 60);
    std::unique_ptr<TransactionLogIterator> updates;
    must(db.db->GetUpdatesSince(1, &updates));
    for (; updates->Valid(); updates->Next()) must(replica.db->Write(WriteOptions(), updates->GetBatch().writeBatchPtr.get()));
    return 0;
  }
  write(db, random, 0, 80);
  must(db.db->Flush(FlushOptions(), db.families));
  write(db, random, 80, 40);
  must(db.db->Flush(FlushOptions(), db.families[0]));
  write(db, random, 120, 30);
  copy(db, argv[3], argv[4]);
  write(db, random, 150, 20);
  return 0;
}
