#include "app/dev/dev_screen.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <unistd.h>

namespace workspace_supervisor {

namespace {

std::string clock_time() {
  const auto now = std::chrono::system_clock::now();
  const auto whole = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  localtime_r(&whole, &parts);
  std::array<char, 32> text{};
  const auto length = std::strftime(text.data(), text.size(), "%H:%M:%S", &parts);
  const auto fraction =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::snprintf(text.data() + length, text.size() - length, ".%03d", static_cast<int>(fraction));
  return text.data();
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

const char* name_of(dev_screen::source from) {
  switch (from) {
  case dev_screen::source::supervisor:
    return "supervisor";
  case dev_screen::source::platform:
    return "platform";
  case dev_screen::source::agent:
    return "agent";
  }
  return "";
}

dev_screen::mood mood_of(const event& happened) {
  if (happened.level <= static_cast<int>(log_level::warning))
    return dev_screen::mood::bad;
  if (happened.name == "beat.delivered")
    return dev_screen::mood::quiet;
  return dev_screen::mood::good;
}

} // namespace

dev_screen::dev_screen(std::function<std::string()> glance)
    : glance_{std::move(glance)}
    , terminal_{::isatty(STDOUT_FILENO) == 1}
    , coloured_{terminal_ && std::getenv("NO_COLOR") == nullptr} {}

dev_screen::~dev_screen() {
  if (terminal_)
    std::fputs("\r\033[K", stdout);
}

std::string dev_screen::paint(mood how, const std::string& text) const {
  if (!coloured_)
    return text;
  static const std::map<mood, const char*> colours{
      {mood::quiet, "\033[2m"}, {mood::plain, ""}, {mood::good, "\033[32m"}, {mood::bad, "\033[31m"}};
  return colours.at(how) + text + "\033[0m";
}

void dev_screen::print(const std::string& line) {
  if (terminal_)
    std::fputs("\r\033[K", stdout);
  std::fputs((line + '\n').c_str(), stdout);
  if (terminal_)
    std::fputs(glance_().c_str(), stdout);
  std::fflush(stdout);
}

void dev_screen::line(source from, mood how, const std::string& what, const std::string& text) {
  const std::lock_guard lock{mutex_};
  print(paint(mood::quiet, clock_time()) + "  " + padded(name_of(from), 10) + "  " +
        paint(how, padded(what, 24)) + "  " + text);
}

void dev_screen::show(const event& happened) {
  line(source::supervisor, mood_of(happened), happened.name, happened.text);
}

void dev_screen::say(const std::string& text) {
  const std::lock_guard lock{mutex_};
  print(text);
}

void dev_screen::refresh() {
  if (!terminal_)
    return;
  const std::lock_guard lock{mutex_};
  std::fputs(("\r\033[K" + glance_()).c_str(), stdout);
  std::fflush(stdout);
}

} // namespace workspace_supervisor
