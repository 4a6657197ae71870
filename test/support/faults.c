// LD_PRELOAD shim for `node` processes: a medium that fails, and a process that dies, at a chosen place.
//
//   FAULT_PROGRAM  another program than node, whose name begins so
//   READ_INODE   reads of the file with this inode fail, whatever its name ...
//   READ_FROM    ... where they touch bytes from here ...
//   READ_TO      ... to before here. The whole call fails, whatever else it asked for, as the kernel does it.
//   READ_COUNT   a file to which a byte is appended for each read that failed
//   OPEN_INODE   opens for reading of the file with this inode fail
//   STAT_FILE    questions for the status of files whose path ends in this fail
//   FAULT_ERRNO  with which error all these fail (5: EIO)
//
//   CHANGE_BELOW   system calls that change something on the disk at a path that contains this are counted ...
//   CHANGE_AT      ... and something happens at this one, counted from 1: ...
//   CHANGE_DO      ... `before`, `half`, `after`: SIGKILL before it, halfway through a write, after it; `short`: a write of half;
//                  `interrupt`: SIGINT, as of Ctrl-C, before it;
//                  `sticky:N`, `N`: error N, at all that follow too or at this one alone
//   CHANGE_LOG     a file that gets a line for each
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static int is_meant(void) {
  const char *program = getenv("FAULT_PROGRAM");
  return program == NULL ? strcmp(program_invocation_short_name, "node") == 0
                         : strncmp(program_invocation_short_name, program, strlen(program)) == 0;
}

static const char *path_of(int fd, char *into, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, into, size - 1);
  into[length < 0 ? 0 : length] = 0;
  return into;
}

static void append(const char *file, const char *text, size_t length) {
  int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT, 0644);
  if (fd < 0) return;
  syscall(SYS_write, fd, text, length);
  syscall(SYS_close, fd);
}

static int number(const char *name, int otherwise) {
  const char *text = getenv(name);
  return text == NULL ? otherwise : atoi(text);
}

static int ends_in(const char *path, const char *name) {
  size_t size = strlen(path), wanted = strlen(name);
  return size >= wanted && strcmp(path + size - wanted, name) == 0;
}

// Opens, and questions for the status

static int unopenable(const char *path) {
  const char *inode = getenv("OPEN_INODE");
  struct stat status;
  if (inode == NULL || !is_meant() || stat(path, &status) != 0 || status.st_ino != strtoull(inode, NULL, 10)) return 0;
  return number("FAULT_ERRNO", EIO);
}

static int unknowable(const char *path) {
  const char *name = getenv("STAT_FILE");
  return name != NULL && is_meant() && ends_in(path, name) ? number("FAULT_ERRNO", EIO) : 0;
}

// Reads

static int unreadable(int fd, off_t offset, size_t length) {
  const char *inode = getenv("READ_INODE");
  if (inode == NULL || offset < 0 || !is_meant()) return 0;
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino != strtoull(inode, NULL, 10)) return 0;
  if (offset >= atoll(getenv("READ_TO")) || offset + (off_t)length <= atoll(getenv("READ_FROM"))) return 0;
  const char *count = getenv("READ_COUNT");
  if (count != NULL) append(count, ".", 1);
  return number("FAULT_ERRNO", EIO);
}

static size_t total(const struct iovec *parts, int count) {
  size_t sum = 0;
  for (int i = 0; i < count; i++) sum += parts[i].iov_len;
  return sum;
}

#define FAIL_WITH(number) \
  do {                    \
    int code = number;    \
    if (code != 0) {      \
      errno = code;       \
      return -1;          \
    }                     \
  } while (0)

ssize_t read(int fd, void *into, size_t length) {
  FAIL_WITH(unreadable(fd, lseek(fd, 0, SEEK_CUR), length));
  return NEXT(ssize_t, read, int, void *, size_t)(fd, into, length);
}
ssize_t pread(int fd, void *into, size_t length, off_t offset) {
  FAIL_WITH(unreadable(fd, offset, length));
  return NEXT(ssize_t, pread, int, void *, size_t, off_t)(fd, into, length, offset);
}
ssize_t pread64(int fd, void *into, size_t length, off_t offset) {
  FAIL_WITH(unreadable(fd, offset, length));
  return NEXT(ssize_t, pread64, int, void *, size_t, off_t)(fd, into, length, offset);
}
ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
  FAIL_WITH(unreadable(fd, offset, total(parts, count)));
  return NEXT(ssize_t, preadv, int, const struct iovec *, int, off_t)(fd, parts, count, offset);
}
ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset) {
  FAIL_WITH(unreadable(fd, offset, total(parts, count)));
  return NEXT(ssize_t, preadv64, int, const struct iovec *, int, off_t)(fd, parts, count, offset);
}

// Changes

static atomic_int changes;

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

enum { GO_ON, FAIL, HALF, DIE_HALF, DIE_AFTER };

/** What becomes of a call that changes something at `path`; dies where it is to die before. */
static int fate(const char *operation, const char *path) {
  const char *below = getenv("CHANGE_BELOW");
  if (below == NULL || path == NULL || strstr(path, below) == NULL || !is_meant()) return GO_ON;
  int turn = atomic_fetch_add(&changes, 1) + 1;
  const char *log = getenv("CHANGE_LOG");
  if (log != NULL) {
    char line[4200];
    int length = snprintf(line, sizeof line, "%d %s %s\n", turn, operation, path);
    append(log, line, length);
  }
  int at = number("CHANGE_AT", 0);
  const char *what = getenv("CHANGE_DO");
  if (what == NULL || at == 0) return GO_ON;
  if (strncmp(what, "sticky:", 7) == 0) return turn >= at ? FAIL : GO_ON;
  if (turn != at) return GO_ON;
  if (strcmp(what, "before") == 0) die();
  if (strcmp(what, "half") == 0) return DIE_HALF;
  if (strcmp(what, "after") == 0) return DIE_AFTER;
  if (strcmp(what, "short") == 0) return HALF;
  if (strcmp(what, "interrupt") == 0) {
    kill(getpid(), SIGINT);
    return GO_ON;
  }
  return FAIL;
}

static int injected(void) {
  const char *what = getenv("CHANGE_DO");
  return atoi(strncmp(what, "sticky:", 7) == 0 ? what + 7 : what);
}

#define CHANGE(operation, path, type, call)   \
  do {                                        \
    int outcome = fate(operation, path);      \
    if (outcome == FAIL) FAIL_WITH(injected()); \
    type result = call;                       \
    if (outcome >= DIE_HALF) die();           \
    return result;                            \
  } while (0)

#define WRITE(whole, half)                             \
  do {                                                 \
    char path[4096];                                   \
    int outcome = fate("write", path_of(fd, path, sizeof path)); \
    if (outcome == FAIL) FAIL_WITH(injected());        \
    ssize_t result = outcome == HALF || outcome == DIE_HALF ? half : whole; \
    if (outcome >= DIE_HALF) die();                    \
    return result;                                     \
  } while (0)

static size_t part(size_t length) { return length > 1 ? length / 2 : length; }

ssize_t write(int fd, const void *from, size_t length) {
  ssize_t (*next)(int, const void *, size_t) = NEXT(ssize_t, write, int, const void *, size_t);
  WRITE(next(fd, from, length), next(fd, from, part(length)));
}
ssize_t pwrite(int fd, const void *from, size_t length, off_t offset) {
  ssize_t (*next)(int, const void *, size_t, off_t) = NEXT(ssize_t, pwrite, int, const void *, size_t, off_t);
  WRITE(next(fd, from, length, offset), next(fd, from, part(length), offset));
}
ssize_t pwrite64(int fd, const void *from, size_t length, off_t offset) {
  ssize_t (*next)(int, const void *, size_t, off_t) = NEXT(ssize_t, pwrite64, int, const void *, size_t, off_t);
  WRITE(next(fd, from, length, offset), next(fd, from, part(length), offset));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  ssize_t (*next)(int, const struct iovec *, int) = NEXT(ssize_t, writev, int, const struct iovec *, int);
  WRITE(next(fd, parts, count), next(fd, parts, 1));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  ssize_t (*next)(int, const struct iovec *, int, off_t) = NEXT(ssize_t, pwritev, int, const struct iovec *, int, off_t);
  WRITE(next(fd, parts, count, offset), next(fd, parts, 1, offset));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off_t offset) {
  ssize_t (*next)(int, const struct iovec *, int, off_t) = NEXT(ssize_t, pwritev64, int, const struct iovec *, int, off_t);
  WRITE(next(fd, parts, count, offset), next(fd, parts, 1, offset));
}
static ssize_t copy_range(long from, long at, long to, long offset, long length, long flags) {
  char path[4096];
  FAIL_WITH(unreadable(from, at == 0 ? lseek(from, 0, SEEK_CUR) : *(off64_t *)at, length));
  CHANGE("copy", path_of(to, path, sizeof path), ssize_t,
         NEXT(long, syscall, long, ...)(SYS_copy_file_range, from, at, to, offset, length, flags));
}
// libuv copies files, and asks for their status, with a system call of which it knows only the number
long syscall(long number, ...) {
  va_list more;
  va_start(more, number);
  long a = va_arg(more, long), b = va_arg(more, long), c = va_arg(more, long);
  long d = va_arg(more, long), e = va_arg(more, long), f = va_arg(more, long);
  va_end(more);
  if (number == SYS_copy_file_range) return copy_range(a, b, c, d, e, f);
  if (number == SYS_statx) FAIL_WITH(unknowable((const char *)b));
  return NEXT(long, syscall, long, ...)(number, a, b, c, d, e, f);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t length) {
  char path[4096];
  FAIL_WITH(unreadable(from, offset == NULL ? lseek(from, 0, SEEK_CUR) : *offset, length));
  CHANGE("copy", path_of(to, path, sizeof path), ssize_t,
         NEXT(ssize_t, sendfile, int, int, off_t *, size_t)(to, from, offset, length));
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t length) {
  char path[4096];
  FAIL_WITH(unreadable(from, offset == NULL ? lseek(from, 0, SEEK_CUR) : *offset, length));
  CHANGE("copy", path_of(to, path, sizeof path), ssize_t,
         NEXT(ssize_t, sendfile64, int, int, off64_t *, size_t)(to, from, offset, length));
}
int fsync(int fd) {
  char path[4096];
  CHANGE("sync", path_of(fd, path, sizeof path), int, NEXT(int, fsync, int)(fd));
}
int fdatasync(int fd) {
  char path[4096];
  CHANGE("sync", path_of(fd, path, sizeof path), int, NEXT(int, fdatasync, int)(fd));
}
int ftruncate(int fd, off_t length) {
  char path[4096];
  CHANGE("truncate", path_of(fd, path, sizeof path), int, NEXT(int, ftruncate, int, off_t)(fd, length));
}
int ftruncate64(int fd, off64_t length) {
  char path[4096];
  CHANGE("truncate", path_of(fd, path, sizeof path), int, NEXT(int, ftruncate64, int, off64_t)(fd, length));
}
int fchmod(int fd, mode_t mode) {
  char path[4096];
  CHANGE("chmod", path_of(fd, path, sizeof path), int, NEXT(int, fchmod, int, mode_t)(fd, mode));
}
int chmod(const char *path, mode_t mode) {
  CHANGE("chmod", path, int, NEXT(int, chmod, const char *, mode_t)(path, mode));
}
int fchown(int fd, uid_t user, gid_t group) {
  char path[4096];
  CHANGE("chown", path_of(fd, path, sizeof path), int, NEXT(int, fchown, int, uid_t, gid_t)(fd, user, group));
}
int chown(const char *path, uid_t user, gid_t group) {
  CHANGE("chown", path, int, NEXT(int, chown, const char *, uid_t, gid_t)(path, user, group));
}
int lchown(const char *path, uid_t user, gid_t group) {
  CHANGE("chown", path, int, NEXT(int, lchown, const char *, uid_t, gid_t)(path, user, group));
}
int rename(const char *from, const char *to) {
  CHANGE("rename", to, int, NEXT(int, rename, const char *, const char *)(from, to));
}
int link(const char *from, const char *to) {
  CHANGE("link", to, int, NEXT(int, link, const char *, const char *)(from, to));
}
int symlink(const char *to, const char *path) {
  CHANGE("symlink", path, int, NEXT(int, symlink, const char *, const char *)(to, path));
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
  char path[4096];
  CHANGE("allocate", path_of(fd, path, sizeof path), int, NEXT(int, fallocate, int, int, off_t, off_t)(fd, mode, offset, length));
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  char path[4096];
  CHANGE("allocate", path_of(fd, path, sizeof path), int, NEXT(int, fallocate64, int, int, off64_t, off64_t)(fd, mode, offset, length));
}
int unlink(const char *path) { CHANGE("unlink", path, int, NEXT(int, unlink, const char *)(path)); }
int rmdir(const char *path) { CHANGE("rmdir", path, int, NEXT(int, rmdir, const char *)(path)); }
int mkdir(const char *path, mode_t mode) {
  CHANGE("mkdir", path, int, NEXT(int, mkdir, const char *, mode_t)(path, mode));
}

static int opened(const char *path, int flags, mode_t mode) {
  if ((flags & (O_WRONLY | O_RDWR)) != 0) CHANGE("open", path, int, (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode));
  FAIL_WITH(unopenable(path));
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

#define MODE_OF(flags, mode)                   \
  mode_t mode = 0;                             \
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {  \
    va_list more;                              \
    va_start(more, flags);                     \
    mode = va_arg(more, mode_t);               \
    va_end(more);                              \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return opened(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags, mode)
  return opened(path, flags | O_LARGEFILE, mode);
}
