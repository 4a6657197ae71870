// Another life of a database by Debian's LevelDB.
//   second-source-leveldb live DB OPENINGS SHAPE SEED   opens a database, which turns its log into a table, 1 + OPENINGS times, and writes each
//                                                       time batches that are the same in every life and others, of the same lengths, that
//                                                       SEED makes; SHAPE as in second-source.cc
#include <leveldb/comparator.h>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

static void must(const leveldb::Status& s) {
  if (!s.ok()) {
    fprintf(stderr, "%s\n", s.ToString().c_str());
    exit(1);
  }
}

static const int LOG = 23;

static bool isOwn(const std::string& shape, int i) {
  if (shape == "parted") return i >= 3;
  return shape == "later" ? i % LOG >= LOG / 2 : i % LOG == LOG / 2;
}

int main(int, char** argv) {
  const std::string shape = argv[4];
  const int openings = 1 + atoi(argv[3]), seed = atoi(argv[5]);
  for (int opening = 0; opening < openings; opening++) {
    leveldb::Options options;
    leveldb::DB* opened;
    must(leveldb::DB::Open(options, argv[2], &opened));
    std::unique_ptr<leveldb::DB> db(opened);
    for (int i = LOG * opening; i < LOG * (opening + 1); i++) {
      std::mt19937 random(isOwn(shape, i) ? 1000 * seed + i : i);
      leveldb::WriteBatch batch;
      char key[16];
      snprintf(key, sizeof key, "key%05d", 200 + i);
      std::string value(i % 7 == 0 ? 500 : 60, 'a');
      for (auto& c : value) c = 'a' + random() % 26;
      batch.Put(key, value);
      if (i % 5 == 0) batch.Delete("key00001");
      must(db->Write(leveldb::WriteOptions(), &batch));
    }
  }
  return 0;
}
