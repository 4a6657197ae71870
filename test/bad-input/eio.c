// LD_PRELOAD shim: a disk with a bad sector. Reads that touch bytes [EIO_FROM, EIO_TO) of a file whose path ends in
// EIO_FILE fail with EIO, as the kernel does: the whole read call fails, whatever else it asked for.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int bad(int fd, off_t offset, size_t length) {
  const char *name = getenv("EIO_FILE");
  if (name == NULL || offset < 0) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return 0;
  path[size] = 0;
  size_t wanted = strlen(name);
  if ((size_t)size < wanted || strcmp(path + size - wanted, name) != 0) return 0;
  return offset < atoll(getenv("EIO_TO")) && offset + (off_t)length > atoll(getenv("EIO_FROM"));
}

static size_t total(const struct iovec *parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += parts[i].iov_len;
  return sum;
}

#define FAIL_IF(condition) \
  if (condition) {         \
    errno = EIO;           \
    return -1;             \
  }

ssize_t read(int fd, void *into, size_t length) {
  FAIL_IF(bad(fd, lseek(fd, 0, SEEK_CUR), length));
  return ((ssize_t(*)(int, void *, size_t))dlsym(RTLD_NEXT, "read"))(fd, into, length);
}
ssize_t pread(int fd, void *into, size_t length, off_t offset) {
  FAIL_IF(bad(fd, offset, length));
  return ((ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread"))(fd, into, length, offset);
}
ssize_t pread64(int fd, void *into, size_t length, off_t offset) {
  FAIL_IF(bad(fd, offset, length));
  return ((ssize_t(*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread64"))(fd, into, length, offset);
}
ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
  FAIL_IF(bad(fd, offset, total(parts, count)));
  return ((ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "preadv"))(fd, parts, count, offset);
}
ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset) {
  FAIL_IF(bad(fd, offset, total(parts, count)));
  return ((ssize_t(*)(int, const struct iovec *, int, off_t))dlsym(RTLD_NEXT, "preadv64"))(fd, parts, count, offset);
}
