// Preloaded into the daemon (LD_PRELOAD): steps its wall clock and answers its look-ups of *.test, as a page
// of shared memory says that the script writes to (switches.py has the same layout). CHAOS_SWITCHES is its
// file.

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

struct switches {
  std::atomic<std::int64_t> clock_step;     ///< seconds that the wall clock is off
  std::atomic<std::int32_t> names_hang;     ///< not 0: look-ups wait until it is 0
  std::atomic<std::int32_t> names_fail;     ///< not 0: EAI_AGAIN
  std::atomic<std::int32_t> dead_first;     ///< not 0: `dead` stands before the right address
  std::atomic<std::int32_t> look_ups;       ///< under way, counted here
  std::atomic<std::int32_t> most_look_ups;  ///< that were under way at a time
  std::atomic<std::int32_t> look_ups_begun; ///< since the file was made
  char dead[64];                            ///< an address that leads nowhere
};

switches& given() {
  static switches* const page = [] {
    static switches quiet{};
    const char* path = std::getenv("CHAOS_SWITCHES");
    const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
      return &quiet;
    void* mapped = ::mmap(nullptr, sizeof(switches), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return mapped == MAP_FAILED ? &quiet : static_cast<switches*>(mapped);
  }();
  return *page;
}

/// The steps must be there from the first look at the clock on.
[[gnu::constructor]] void open_switches() {
  given();
}

bool is_wall_clock(clockid_t clock) {
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
}

void look_up_begins() {
  auto& page = given();
  ++page.look_ups_begun;
  const auto now = ++page.look_ups;
  auto most = page.most_look_ups.load();
  while (now > most && !page.most_look_ups.compare_exchange_weak(most, now))
    ;
}

void wait_while_names_hang() {
  while (given().names_hang != 0) {
    const timespec pause{0, 10'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

using look_up = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

/// @returns 0 and a list with the dead address, where there is one to be had, before the right one.
int answer(look_up next, const char* service, const addrinfo* hints, addrinfo** found) {
  const int code = next("127.0.0.1", service, hints, found);
  addrinfo* first = nullptr;
  if (code != 0 || given().dead_first == 0 || next(given().dead, service, hints, &first) != 0)
    return code;
  addrinfo* last = first;
  while (last->ai_next != nullptr)
    last = last->ai_next;
  // glibc's freeaddrinfo frees entry by entry, so that two lists can be joined.
  last->ai_next = *found;
  *found = first;
  return 0;
}

} // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto next = reinterpret_cast<decltype(&::clock_gettime)>(::dlsym(RTLD_NEXT, "clock_gettime"));
  const int result = next(clock, time);
  if (result == 0 && is_wall_clock(clock))
    time->tv_sec += static_cast<time_t>(given().clock_step.load());
  return result;
}

int gettimeofday(timeval* time, void*) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  *time = {now.tv_sec, now.tv_nsec / 1000};
  return 0;
}

time_t time(time_t* result) noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (result != nullptr)
    *result = now.tv_sec;
  return now.tv_sec;
}

int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto next = reinterpret_cast<look_up>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  const std::size_t size = host == nullptr ? 0 : std::strlen(host);
  if (size < 5 || std::strcmp(host + size - 5, ".test") != 0)
    return next(host, service, hints, found);
  look_up_begins();
  wait_while_names_hang();
  const int code = given().names_fail != 0 ? EAI_AGAIN : answer(next, service, hints, found);
  --given().look_ups;
  return code;
}

} // extern "C"
