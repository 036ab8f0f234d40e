#include "tests/actors/store/sqlite_fault_vfs.hpp"

#include <sqlite3.h>

#include <cstddef>
#include <new>
#include <unistd.h>

namespace workspace_supervisor::sqlite_fault {

namespace {

struct plan {
  bool armed = false;
  kind what = kind::io_error;
  std::int64_t at = 0;
  bool lasting = false;
  std::int64_t counted = 0;
  bool hit = false;
};
plan current;

int code_of(operation done) {
  if (current.what == kind::disk_full)
    return SQLITE_FULL;
  switch (done) {
  case operation::open:
    return SQLITE_CANTOPEN;
  case operation::remove:
    return SQLITE_IOERR_DELETE;
  case operation::access:
    return SQLITE_IOERR_ACCESS;
  case operation::read:
    return SQLITE_IOERR_READ;
  case operation::write:
    return SQLITE_IOERR_WRITE;
  case operation::truncate:
    return SQLITE_IOERR_TRUNCATE;
  case operation::sync:
    return SQLITE_IOERR_FSYNC;
  case operation::size:
    return SQLITE_IOERR_FSTAT;
  case operation::lock:
    return SQLITE_IOERR_LOCK;
  }
  return SQLITE_IOERR;
}

/// Counts the operation. @returns whether it is to fail.
bool strikes(operation done) {
  if (!current.armed)
    return false;
  bool writes_only = current.what == kind::disk_full || current.what == kind::die_torn;
  if (writes_only && done != operation::write)
    return false;
  ++current.counted;
  if (current.counted < current.at || (current.counted > current.at && !current.lasting))
    return false;
  current.hit = true;
  if (current.what == kind::die)
    ::_exit(9);
  return true;
}

/// A file of the shim; the real one follows it in memory.
struct shim_file {
  sqlite3_file base;
  sqlite3_file* real;
};

shim_file* shim(sqlite3_file* file) {
  return reinterpret_cast<shim_file*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return shim(file)->real;
}

sqlite3_vfs* real_vfs = nullptr;

int close(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}

int read(sqlite3_file* file, void* to, int size, sqlite3_int64 from) {
  if (strikes(operation::read))
    return code_of(operation::read);
  return real(file)->pMethods->xRead(real(file), to, size, from);
}

int write(sqlite3_file* file, const void* from, int size, sqlite3_int64 to) {
  if (strikes(operation::write)) {
    // The half of it is on the disk, as it may well be when the rest is not.
    if (size > 1)
      real(file)->pMethods->xWrite(real(file), from, size / 2, to);
    if (current.what == kind::die_torn)
      ::_exit(9);
    return code_of(operation::write);
  }
  return real(file)->pMethods->xWrite(real(file), from, size, to);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (strikes(operation::truncate))
    return code_of(operation::truncate);
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync(sqlite3_file* file, int flags) {
  if (strikes(operation::sync))
    return code_of(operation::sync);
  return real(file)->pMethods->xSync(real(file), flags);
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  if (strikes(operation::size))
    return code_of(operation::size);
  return real(file)->pMethods->xFileSize(real(file), size);
}

int lock(sqlite3_file* file, int level) {
  if (strikes(operation::lock))
    return code_of(operation::lock);
  return real(file)->pMethods->xLock(real(file), level);
}

int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}

int check_reserved_lock(sqlite3_file* file, int* answer) {
  return real(file)->pMethods->xCheckReservedLock(real(file), answer);
}

int file_control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}

int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}

int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}

int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods methods = {2,
                                    close,
                                    read,
                                    write,
                                    truncate,
                                    sync,
                                    file_size,
                                    lock,
                                    unlock,
                                    check_reserved_lock,
                                    file_control,
                                    sector_size,
                                    characteristics,
                                    shm_map,
                                    shm_lock,
                                    shm_barrier,
                                    shm_unmap,
                                    nullptr,
                                    nullptr};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  auto* opened = shim(file);
  opened->base.pMethods = nullptr; // SQLite closes no file without methods
  if (strikes(operation::open))
    return code_of(operation::open);
  opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
  int code = real_vfs->xOpen(real_vfs, name, opened->real, flags, out_flags);
  if (opened->real->pMethods)
    opened->base.pMethods = &methods;
  return code;
}

int remove(sqlite3_vfs*, const char* name, int sync_directory) {
  if (strikes(operation::remove))
    return code_of(operation::remove);
  return real_vfs->xDelete(real_vfs, name, sync_directory);
}

int access(sqlite3_vfs*, const char* name, int flags, int* answer) {
  if (strikes(operation::access))
    return code_of(operation::access);
  return real_vfs->xAccess(real_vfs, name, flags, answer);
}

} // namespace

void install() {
  static sqlite3_vfs vfs;
  if (real_vfs)
    return;
  real_vfs = sqlite3_vfs_find(nullptr);
  vfs = *real_vfs; // what is not replaced here works on no file
  vfs.zName = "fault";
  vfs.pNext = nullptr;
  vfs.szOsFile = static_cast<int>(sizeof(shim_file)) + real_vfs->szOsFile;
  vfs.xOpen = open;
  vfs.xDelete = remove;
  vfs.xAccess = access;
  sqlite3_vfs_register(&vfs, 1);
}

void arm(kind what, std::int64_t at, bool lasting) {
  current = {true, what, at, lasting, 0, false};
}

void disarm() {
  current.armed = false;
}

std::int64_t counted() {
  return current.counted;
}

bool hit() {
  return current.hit;
}

} // namespace workspace_supervisor::sqlite_fault
