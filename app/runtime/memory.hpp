#pragma once

namespace workspace_supervisor {

/// Takes out of memory what was read once, to load the program and its libraries: their tables of symbols and
/// relocations lie in segments that are only read, and what is used of these later is mapped again by itself.
/// Some 3 MiB. Called once, when the program runs; any thread.
void give_back_loaders_memory();

} // namespace workspace_supervisor
