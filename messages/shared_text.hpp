#pragma once

#include <memory>
#include <string>
#include <utility>

namespace workspace_supervisor {

/// A text of any length that messages carry without copying it.
class shared_text {
public:
  shared_text() = default;
  shared_text(std::string text)
      : text_{text.empty() ? nullptr : std::make_shared<const std::string>(std::move(text))} {}

  const std::string& get() const noexcept {
    static const std::string empty;
    return text_ ? *text_ : empty;
  }

private:
  std::shared_ptr<const std::string> text_; ///< null: empty
};

} // namespace workspace_supervisor
