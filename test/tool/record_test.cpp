#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "tool/run_tool.hpp"

using namespace allot::test;

namespace {

namespace fs = std::filesystem;

constexpr const char* preload = ALLOT_FAKE_PRELOAD;

/// `allot record -o TRACE --preload FAKE [more] -- program`
tool_outcome record(const std::string& trace, const std::vector<std::string>& program,
                    const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments{"record", "-o", trace, "--preload", preload};
  arguments.insert(arguments.end(), more.begin(), more.end());
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), program.begin(), program.end());
  return run_tool(arguments);
}

/// Whether the library was told exactly that, by its stand-in's account.
bool was_told(const std::string& trace, const std::string& setting) {
  return ("\n" + text_of(trace)).find("\n" + setting + "\n") != std::string::npos;
}
bool was_told_of(const std::string& trace, const std::string& name) {
  return ("\n" + text_of(trace)).find("\n" + name + "=") != std::string::npos;
}

/// A copy of a program that the case may change.
class copied_program {
 public:
  explicit copied_program(const std::string& original = "/bin/true") : file_("program") {
    fs::copy_file(original, file_.path());
  }
  const std::string& path() const { return file_.path(); }
  void add(fs::perms more) const { fs::permissions(path(), more, fs::perm_options::add); }

  /// Its bytes with the interpreter's entry taken out, as in a static program. For 64 bits, little-endian.
  void make_static() const {
    std::vector<char> bytes = file_.content();
    for (std::size_t at = 64; at + 56 <= bytes.size() && at < 64 + 56 * 20; at += 56)
      if (bytes[at] == 3 && bytes[at + 1] == 0) bytes[at] = 0;
    file_.set_content(bytes);
  }
  void set_byte(std::size_t at, char value) const {
    std::vector<char> bytes = file_.content();
    bytes[at] = value;
    file_.set_content(bytes);
  }
  void cut(std::size_t bytes) const {
    std::vector<char> content = file_.content();
    content.resize(bytes);
    file_.set_content(content);
  }

 private:
  temporary_file file_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(record_command)

BOOST_AUTO_TEST_CASE(the_program_runs_with_the_preload_library_before_any_other_and_is_told_what_to_do) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  write_text(config.path(), one_resource("concurrent_general_resource"));
  ::setenv("LD_PRELOAD", "", 1);
  ::setenv("ALLOT_STRICT", "from before", 1);
  ::setenv("ALLOT_RECORD_STACKS", "from before", 1);
  BOOST_TEST(record(trace.path(), {"true"}).code == 0);
  BOOST_TEST(was_told(trace.path(), "LD_PRELOAD=" + std::string(preload)));
  BOOST_TEST(was_told(trace.path(), "ALLOT_RECORD=" + trace.path()));
  BOOST_TEST(was_told(trace.path(), "ALLOT_RECORD_BEHIND=wait"));
  for (const char* name : {"ALLOT_RECORD_STACKS", "ALLOT_CONFIG", "ALLOT_STRICT"})
    BOOST_TEST(!was_told_of(trace.path(), name), name);

  ::setenv("LD_PRELOAD", preload, 1);
  BOOST_TEST(record(trace.path(), {"true"}, {"--stacks", "--behind", "drop", "--config", config.path()}).code == 0);
  ::unsetenv("LD_PRELOAD");
  ::unsetenv("ALLOT_STRICT");
  ::unsetenv("ALLOT_RECORD_STACKS");
  BOOST_TEST(was_told(trace.path(), "LD_PRELOAD=" + std::string(preload) + ":" + preload));
  BOOST_TEST(was_told(trace.path(), "ALLOT_RECORD_STACKS=1"));
  BOOST_TEST(was_told(trace.path(), "ALLOT_RECORD_BEHIND=drop"));
  BOOST_TEST(was_told(trace.path(), "ALLOT_CONFIG=" + config.path()));
  BOOST_TEST(was_told(trace.path(), "ALLOT_STRICT=1"));
}

BOOST_AUTO_TEST_CASE(a_relative_trace_is_told_as_the_place_it_means_here) {
  const temporary_file trace("trace");
  const std::string relative = fs::relative(trace.path()).string();
  BOOST_TEST(record(relative, {"true"}).code == 0);
  BOOST_TEST(fs::exists(trace.path()));
}

BOOST_AUTO_TEST_CASE(the_end_of_the_program_is_that_of_the_command) {
  const temporary_file trace("trace");
  BOOST_TEST(record(trace.path(), {"true"}).code == 0);
  BOOST_TEST(record(trace.path(), {"sh", "-c", "exit 7"}).code == 7);
  BOOST_TEST(record(trace.path(), {"sh", "-c", "kill -9 $$"}).code == 128 + SIGKILL);
  const tool_outcome told = record(trace.path(), {"sh", "-c", "kill -9 $$", "--json"}, {"--json"});
  BOOST_TEST(told.code == 128 + SIGKILL);
  BOOST_TEST(told.value()["signal"] == SIGKILL);
  BOOST_TEST(told.value()["exit_code"] == 128 + SIGKILL);
  BOOST_TEST(told.value()["program"].size() == 4u);
}

BOOST_AUTO_TEST_CASE(what_asks_the_command_to_end_asks_the_program) {
  const temporary_file trace("trace");
  const std::string asks = "trap 'exit 5' TERM; trap 'exit 6' INT; kill -s ";
  for (const auto& [signal, code] : {std::pair("TERM", 5), std::pair("INT", 6)}) {
    const std::string script = asks + signal + " $PPID; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 1; done; exit 1";
    BOOST_TEST(record(trace.path(), {"sh", "-c", script}).code == code);
  }
}

BOOST_AUTO_TEST_CASE(what_the_program_writes_goes_where_it_would_and_beside_json_to_the_errors) {
  const temporary_file trace("trace");
  const temporary_file out("out");
  const temporary_file errors("errors");
  const std::string line = std::string(ALLOT_PROGRAM) + " record -o " + trace.path() + " --preload " + preload;
  const std::string to_files = " -- sh -c 'echo said; echo wrong >&2' > " + out.path() + " 2> " + errors.path();
  BOOST_TEST(std::system((line + to_files).c_str()) == 0);
  BOOST_TEST(text_of(out.path()) == "said\n");
  BOOST_TEST(text_of(errors.path()).find("wrong\n") == 0u);
  BOOST_TEST(std::system((line + " --json" + to_files).c_str()) == 0);
  BOOST_TEST(nlohmann::json::parse(text_of(out.path()))["exit_code"] == 0);
  BOOST_TEST(text_of(errors.path()).find("said\nwrong\n") == 0u);
}

BOOST_AUTO_TEST_CASE(where_the_program_stands_is_told_to_who_leaves_the_dashes_out) {
  const temporary_file trace("trace");
  for (const std::vector<std::string>& words : {std::vector<std::string>{"true"}, {"sh", "-c", "true"}, {}}) {
    std::vector<std::string> arguments{"record", "-o", trace.path()};
    arguments.insert(arguments.end(), words.begin(), words.end());
    const tool_outcome done = run_tool(arguments);
    BOOST_TEST(done.code == 64);
    BOOST_TEST(done.says("stands after --"), done.errors);
  }
  BOOST_TEST(!fs::exists(trace.path()));
}

BOOST_AUTO_TEST_CASE(a_program_that_is_not_there_is_127) {
  const temporary_file trace("trace");
  for (const char* each : {"no-such-program-anywhere", "/no/such/program", ""}) {
    const tool_outcome done = record(trace.path(), {each});
    BOOST_TEST(done.code == 127);
    BOOST_TEST(done.says("there is no such program"), done.errors);
  }
  BOOST_TEST(!fs::exists(trace.path()));
}

BOOST_AUTO_TEST_CASE(programs_that_cannot_be_recorded_are_named_as_what_they_are) {
  const temporary_file trace("trace");
  const auto refused = [&](const std::string& program, const std::string& why) {
    const tool_outcome done = record(trace.path(), {program});
    BOOST_TEST(done.code == 126);
    BOOST_TEST(done.says(program + ": "), done.errors);
    BOOST_TEST(done.says(why), done.errors);
    BOOST_TEST(!fs::exists(trace.path()));
  };
  const copied_program other;
  BOOST_TEST(record(trace.path(), {other.path()}).code == 0);
  fs::remove(trace.path());
  for (const fs::perms each : {fs::perms::set_uid, fs::perms::set_gid}) {
    other.add(each);
    refused(other.path(), "set-uid");
    fs::permissions(other.path(), each, fs::perm_options::remove);
  }
  fs::permissions(other.path(), fs::perms::owner_read | fs::perms::owner_write);
  refused(other.path(), "permission");
  refused(fs::temp_directory_path().string(), "is no program");

  const copied_program alone;
  alone.make_static();
  refused(alone.path(), "static");
  const copied_program foreign;
  foreign.set_byte(18, 2);  // SPARC
  refused(foreign.path(), "another kind of machine");
  for (const unsigned bytes : {0U, 3U, 16U, 63U, 64U, 100U}) {
    const copied_program cut;
    cut.cut(bytes);
    BOOST_TEST(record(trace.path(), {cut.path()}).code == 126, bytes);
  }
}

BOOST_AUTO_TEST_CASE(scripts_are_as_their_interpreter_is) {
  const temporary_file trace("trace");
  const copied_program script("/bin/true");
  write_text(script.path(), "#! /bin/sh -e\nexit 9\n");
  BOOST_TEST(record(trace.path(), {script.path()}).code == 9);
  write_text(script.path(), "#!/no/such/interpreter\n");
  BOOST_TEST(record(trace.path(), {script.path()}).code == 127);
  const copied_program alone;
  alone.make_static();
  write_text(script.path(), "#!" + alone.path() + "\n");
  const tool_outcome done = record(trace.path(), {script.path()});
  BOOST_TEST(done.code == 126);
  BOOST_TEST(done.says(script.path() + ": its interpreter " + alone.path() + ": is static"), done.errors);
}

BOOST_AUTO_TEST_CASE(a_trace_that_cannot_be_written_is_told_and_the_program_does_not_run) {
  const temporary_file mark("mark");
  const std::string folder = fs::temp_directory_path().string();
  for (const std::string& each : {mark.path() + "/no/such/folder", folder}) {
    const tool_outcome done = record(each, {"touch", mark.path()});
    BOOST_TEST(done.code == 73);
    BOOST_TEST(done.says(each + ": cannot be written"), done.errors);
    BOOST_TEST(!fs::exists(mark.path()));
  }
}

BOOST_AUTO_TEST_CASE(a_config_that_is_wrong_is_told_and_the_program_does_not_run) {
  const temporary_file trace("trace");
  const temporary_file mark("mark");
  const temporary_file config("config");
  write_text(config.path(), "nonsense");
  BOOST_TEST(record(trace.path(), {"touch", mark.path()}, {"--config", config.path()}).code == 78);
  BOOST_TEST(!fs::exists(mark.path()));
}

BOOST_AUTO_TEST_CASE(the_preload_library_is_found_by_the_environment_and_told_when_it_is_not_there) {
  const temporary_file trace("trace");
  const std::vector<std::string> arguments{"record", "-o", trace.path(), "--", "true"};
  ::setenv("ALLOT_PRELOAD", preload, 1);
  BOOST_TEST(run_tool(arguments).code == 0);
  BOOST_TEST(fs::exists(trace.path()));
  ::setenv("ALLOT_PRELOAD", "/no/such/library.so", 1);
  const tool_outcome done = run_tool(arguments);
  ::unsetenv("ALLOT_PRELOAD");
  BOOST_TEST(done.code == 66);
  BOOST_TEST(done.says("--preload"), done.errors);
  const temporary_file colon("a:library");
  write_text(colon.path(), "");
  BOOST_TEST(run_tool({"record", "-o", trace.path(), "--preload", colon.path(), "--", "true"}).says("colons"));
}

BOOST_AUTO_TEST_CASE(the_preload_library_may_lie_in_a_folder_with_blanks) {
  const temporary_file trace("trace");
  const fs::path folder = trace.path() + " folder";
  fs::create_directory(folder);
  fs::copy_file(preload, folder / "library.so");
  BOOST_TEST(
      run_tool({"record", "-o", trace.path(), "--preload", (folder / "library.so").string(), "--", "true"}).code == 0);
  fs::remove_all(folder);
  BOOST_TEST(was_told(trace.path(), "LD_PRELOAD=library.so"));
  BOOST_TEST(was_told(trace.path(), "LD_LIBRARY_PATH=" + folder.string()));
}

#ifdef ALLOT_HAS_PRELOAD
BOOST_AUTO_TEST_CASE(a_real_program_is_recorded_compared_and_runs_on_what_is_recommended) {
  const temporary_file trace("trace");
  const temporary_file config("config");
  const std::string program = ALLOT_PROGRAM;
  const std::string quiet = " > /dev/null 2> /dev/null";
  BOOST_TEST(std::system((program + " record -o " + trace.path() + " -- ls -l /" + quiet).c_str()) == 0);
  const allot::trace_reader recorded(trace.path());
  BOOST_TEST(recorded.summary().events > 10u);
  BOOST_TEST(recorded.summary().complete);
  const tool_outcome made = run_tool({"recommend", trace.path(), "-o", config.path(), "--rounds", "1"});
  BOOST_TEST(made.code == 0, made.errors);
  const std::string again = program + " record -o " + trace.path() + " --config " + config.path() + " -- ls /";
  BOOST_TEST(std::system((again + quiet).c_str()) == 0);
  BOOST_TEST(allot::trace_reader(trace.path()).summary().events > 10u);
}
#endif

BOOST_AUTO_TEST_CASE(nothing_recorded_is_told) {
  const temporary_file trace("trace");
  const std::string pattern = trace.path() + ".%p";  // the stand-in does not know it
  const tool_outcome done = record(pattern, {"true"}, {"--json"});
  fs::remove(pattern);
  BOOST_TEST(done.code == 0);
  BOOST_TEST(done.value()["trace"].is_null());
  BOOST_TEST(done.says("nothing was recorded"), done.errors);
}

BOOST_AUTO_TEST_SUITE_END()
