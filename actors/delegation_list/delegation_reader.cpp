#include "actors/delegation_list/delegation_reader.hpp"

#include "actors/text/json_text.hpp"
#include "actors/text/utf8.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <cstdint>
#include <limits>
#include <utility>

namespace workspace_supervisor {

namespace {

namespace json = boost::json;

struct named_field {
  std::string_view name;
  std::string& (*of)(delegation_row&);
};

constexpr named_field fields[] = {
    {"delegation_id",
     [](delegation_row& row) -> std::string& {
       return row.result.delegation_id;
     }},
    {"source_id",
     [](delegation_row& row) -> std::string& {
       return row.result.source_id;
     }},
    {"target_id",
     [](delegation_row& row) -> std::string& {
       return row.result.target_id;
     }},
    {"status",
     [](delegation_row& row) -> std::string& {
       return row.result.status;
     }},
    {"summary",
     [](delegation_row& row) -> std::string& {
       return row.result.summary;
     }},
    {"error",
     [](delegation_row& row) -> std::string& {
       return row.result.error;
     }},
    {"response_preview",
     [](delegation_row& row) -> std::string& {
       return row.result.response_preview;
     }},
    {"created_at",
     [](delegation_row& row) -> std::string& {
       return row.created_at;
     }},
};

std::string* field_of(delegation_row& row, std::string_view name) {
  for (const named_field& field : fields) {
    if (field.name == name) {
      return &field.of(row);
    }
  }
  return nullptr;
}

std::string_view view_of(json::string_view text) {
  return {text.data(), text.size()};
}

// What Boost.JSON's parser tells of an answer as it reads it. A row is the object that is an element of the
// outermost array, and a field a string in that object; whatever lies deeper is read over.
class answer_handler {
public:
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_object_size = max_array_size;
  static constexpr std::size_t max_string_size = max_array_size;
  static constexpr std::size_t max_key_size = max_array_size;

  explicit answer_handler(const std::function<void(std::optional<delegation_row>)>& take)
      : take_(take) {}

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }

  bool on_array_begin(json::error_code& failure) {
    // The outermost one holds the rows; any other is a value as others are.
    if (depth_ > 0 && !on_other(failure)) {
      return false;
    }
    ++depth_;
    return true;
  }

  bool on_array_end(std::size_t, json::error_code&) {
    --depth_;
    return true;
  }

  bool on_object_begin(json::error_code& failure) {
    if (depth_ == 0) {
      return on_other(failure);
    }
    ++depth_;
    return true;
  }

  bool on_object_end(std::size_t, json::error_code&) {
    if (--depth_ == element_depth) {
      for (const named_field& field : fields) {
        std::string& text = field.of(row_);
        text = valid_utf8(std::move(text));
      }
      take_(std::exchange(row_, {}));
    }
    return true;
  }

  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    if (depth_ == field_depth) {
      key_ += view_of(part);
    }
    return true;
  }

  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    if (depth_ != field_depth) {
      return true;
    }
    key_ += view_of(part);
    field_ = field_of(row_, key_);
    if (field_ != nullptr) {
      field_->clear();
    }
    key_.clear();
    return true;
  }

  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    if (depth_ == field_depth && field_ != nullptr) {
      *field_ += view_of(part);
    }
    return true;
  }

  bool on_string(json::string_view part, std::size_t size, json::error_code& failure) {
    on_string_part(part, size, failure);
    return on_other(failure);
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code& failure) { return on_other(failure); }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code& failure) { return on_other(failure); }
  bool on_double(double, json::string_view, json::error_code& failure) { return on_other(failure); }
  bool on_bool(bool, json::error_code& failure) { return on_other(failure); }
  bool on_null(json::error_code& failure) { return on_other(failure); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

private:
  static constexpr std::size_t element_depth = 1;
  static constexpr std::size_t field_depth = 2;

  // A value that is neither a row nor the array of rows.
  bool on_other(json::error_code& failure) {
    if (depth_ == 0) {
      failure = json::error::not_array;
      return false;
    }
    if (depth_ == element_depth) {
      take_(std::nullopt);
      field_ = nullptr; // what lies in this element is no field of the row before
    }
    return true;
  }

  const std::function<void(std::optional<delegation_row>)>& take_;
  std::size_t depth_ = 0; // arrays and objects that are open
  delegation_row row_;
  std::string key_;
  std::string* field_ = nullptr; // of row_: what the value that comes next belongs to
};

} // namespace

bool read_delegation_rows(std::string_view body,
                          const std::function<void(std::optional<delegation_row>)>& take,
                          std::string& error) {
  std::string buffer;
  const std::string_view readable = replace_half_surrogates(body, buffer);
  json::parse_options options;
  options.max_depth = deepest_delegation_answer;
  options.allow_invalid_utf8 = true; // costs a character; each text is made valid once it is read
  json::basic_parser<answer_handler> parser(options, take);
  json::error_code failure;
  const std::size_t read = parser.write_some(false, readable.data(), readable.size(), failure);
  if (!failure && read < readable.size()) {
    failure = json::error::extra_data;
  }
  if (failure) {
    error = "the answer is no JSON array: " + failure.message() + " at byte " + std::to_string(read) +
            " of " + std::to_string(body.size());
    return false;
  }
  return true;
}

} // namespace workspace_supervisor
