#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace workspace_supervisor {

/// Writes JSON text piece by piece. Text that is not UTF-8 is made so.
class json_writer {
public:
  json_writer& begin_object() { return open('{'); }
  json_writer& end_object() { return close('}'); }
  json_writer& begin_array() { return open('['); }
  json_writer& end_array() { return close(']'); }
  json_writer& key(std::string_view name);

  json_writer& value(std::string_view text);
  json_writer& value(const char* text) { return value(std::string_view{text}); }
  json_writer& value(const std::string& text) { return value(std::string_view{text}); }
  json_writer& value(double number);
  json_writer& value(bool truth) { return raw(truth ? "true" : "false"); }
  json_writer& value(std::int64_t number) { return raw(std::to_string(number)); }
  json_writer& value(std::uint64_t number) { return raw(std::to_string(number)); }
  json_writer& value(std::uint32_t number) { return raw(std::to_string(number)); }
  json_writer& value(std::int32_t number) { return raw(std::to_string(number)); }
  json_writer& value(const std::vector<std::string>& texts) {
    begin_array();
    for (const auto& text : texts)
      value(text);
    return end_array();
  }
  /// A value that is JSON already.
  json_writer& raw(std::string_view json);

  /// A described struct: an object of its members, each under its name.
  template <class Struct>
  requires boost::describe::has_describe_members<Struct>::value json_writer& value(const Struct& content) {
    begin_object();
    members(content);
    return end_object();
  }
  /// The members of a described struct, into the object that is open.
  template <class Struct>
  json_writer& members(const Struct& of) {
    using all = boost::describe::describe_members<Struct, boost::describe::mod_public>;
    boost::mp11::mp_for_each<all>([&](auto one) { member(one.name, of.*one.pointer); });
    return *this;
  }

  template <class Value>
  json_writer& member(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

  std::size_t size() const { return text_.size(); }
  /// The text, with a newline at its end.
  std::string take() {
    text_ += '\n';
    return std::move(text_);
  }

private:
  json_writer& open(char bracket);
  json_writer& close(char bracket);
  void separate();
  void quoted(std::string_view text);

  std::string text_;
  bool first_ = true; ///< nothing stands before the next value within its object or array
};

} // namespace workspace_supervisor
