#include "errors.hpp"

#include <CLI/Error.hpp>
#include <allot/trace/trace_record.hpp>
#include <cerrno>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <system_error>

namespace allot::tool {
namespace {

struct told_error {
  exit_code code;
  json parts;  // at least "message"
};

told_error plain(exit_code code, const std::string& message) { return {code, {{"message", message}}}; }

/// Its file stands before the byte in what it says.
told_error of_trace(const trace_error& error) {
  const std::string message = error.what();
  const std::string file = message.substr(0, message.find(": byte " + std::to_string(error.offset()) + ": "));
  std::error_code ignored;
  const exit_code code = std::filesystem::exists(file, ignored) ? bad_data : no_input;
  return {code, {{"message", message}, {"file", file}, {"offset", error.offset()}}};
}

/// What is read has exceptions of its own.
exit_code code_of(const std::error_code& code) {
  switch (code.value()) {
    case EACCES:
    case EEXIST:
    case EFBIG:
    case EIO:
    case EISDIR:
    case ENOENT:
    case ENOSPC:
    case ENOTDIR:
    case EPERM:
    case EPIPE:
    case EROFS:
      return cannot_write;
    default:
      return internal_error;
  }
}

/// The order matters: each before those it is one of.
told_error error_in_flight() {
  try {
    throw;
  } catch (const command_error& error) {
    return plain(error.code(), error.what());
  } catch (const config_error& error) {
    return {bad_config, to_json(error)};
  } catch (const trace_error& error) {
    return of_trace(error);
  } catch (const CLI::ParseError& error) {
    return plain(wrong_usage, error.what());
  } catch (const std::invalid_argument& error) {
    return plain(wrong_usage, error.what());
  } catch (const std::length_error& error) {  // more in a trace than can be replayed
    return plain(bad_data, error.what());
  } catch (const std::system_error& error) {
    return plain(code_of(error.code()), error.what());
  } catch (const std::bad_alloc&) {
    return plain(internal_error, "there is no memory left");
  } catch (const std::exception& error) {
    return plain(internal_error, error.what());
  } catch (...) {
    return plain(internal_error, "an exception of no known kind");
  }
}

}  // namespace

json to_json(const config_error& error) {
  json parts = {{"message", error.what()}, {"file", error.file()}};
  if (error.line() != 0) parts["line"] = error.line();
  if (error.column() != 0) parts["column"] = error.column();
  if (!error.key().empty()) parts["key"] = error.key();
  parts["problem"] = error.problem();
  return parts;
}

int tell_error(command_context& context) noexcept try {
  const told_error error = error_in_flight();
  note(context, error.parts["message"].get_ref<const std::string&>());
  if (context.json) {
    json parts = error.parts;
    parts["exit_code"] = error.code;
    write_json(context, {{"error", parts}});
    context.out.flush();
  }
  return error.code;
} catch (...) {
  return internal_error;
}

}  // namespace allot::tool
