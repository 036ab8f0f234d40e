#include "app/runtime/memory.hpp"

#include <cstddef>
#include <cstdint>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace workspace_supervisor {

void give_back_loaders_memory() {
  const auto give_back = [](dl_phdr_info* object, std::size_t, void*) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (std::size_t index = 0; index < object->dlpi_phnum; ++index) {
      const auto& segment = object->dlpi_phdr[index];
      // Never one that was written to: its pages are ours alone, and would be lost.
      if (segment.p_type != PT_LOAD || segment.p_flags != PF_R)
        continue;
      const auto begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
      const auto end = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
      ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
    }
    return 0;
  };
  ::dl_iterate_phdr(give_back, nullptr);
}

} // namespace workspace_supervisor
