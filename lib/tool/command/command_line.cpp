#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "subcommands.hpp"

namespace allot::tool {
namespace {

constexpr const char* exit_codes = R"(Exit codes:
    0  all went well
    1  all went well, and the answer is no: a config with errors, a stack that refused requests or damaged blocks
   64  wrong usage
   65  a trace that cannot be read
   66  a trace, a config to be checked, or the preload library, that is not there
   70  a defect of this program, or no memory
   73  a file that cannot be written
   78  a config that was to be used and cannot be
  126  of record: a program that cannot be recorded: static, set-uid, for another machine, or no program
  127  of record: a program that is not there
Otherwise record ends with the exit code of the program, or 128 and the number of the signal that ended it.
)";

void add_flags(CLI::App& app, replay_flags& flags) {
  app.add_option("--content", flags.content,
                 "what is done with the bytes of blocks: nothing, a write here and there, or all "
                 "written and looked at before the free")
      ->check(CLI::IsMember({"untouched", "touched", "checked"}))
      ->capture_default_str();
  app.add_option("--order", flags.order,
                 "what threads wait for: the block they need, or every event recorded before theirs")
      ->check(CLI::IsMember({"blocks", "recorded"}))
      ->capture_default_str();
  app.add_flag("--one-thread", flags.one_thread, "replay all threads' events by one, in the recorded order");
}

void add_flags(CLI::App& app, contest_flags& flags) {
  app.add_option("trace", flags.trace, "a trace file")->type_name("TRACE")->required();
  app.add_option("configs", flags.configs, "stacks of your own to try, too")->type_name("CONFIG");
  app.add_option("--rounds", flags.rounds, "of which the medians are taken")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1000}))
      ->capture_default_str();
  app.add_flag("--only-configs", flags.only_configs, "leave the built-in strategies out");
  add_flags(app, flags.replay);
}

void add_record(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<record_wishes>();
  CLI::App* const sub =
      app.add_subcommand("record", "runs a program, which stands after --, and writes down what it asks of its memory");
  sub->add_option("-o,--output", wishes->trace,
                  "the trace; with %p, the number of the process, its children are recorded, too, each on its own")
      ->type_name("TRACE")
      ->required();
  sub->add_flag("--stacks", wishes->stacks, "also where in the program each event comes from, which takes longer");
  sub->add_option("--behind", wishes->behind,
                  "what happens when the file is not written as fast as events come: the "
                  "program waits, or events are dropped and counted")
      ->check(CLI::IsMember({"wait", "drop"}))
      ->capture_default_str();
  sub->add_option("--config", wishes->config, "a stack for the program to run on; otherwise the system's malloc")
      ->type_name("FILE");
  sub->add_option("--preload", wishes->preload, "the preload library, where it is not beside this program")
      ->type_name("FILE");
  sub->footer(
      "The program and its arguments stand last:\n  allot record -o TRACE [OPTIONS] -- PROGRAM [ARGUMENTS...]\n\n" +
      app.get_footer());
  sub->callback([wishes, &context] { record_program(*wishes, context); });
}

void add_replay(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<replay_wishes>();
  CLI::App* const sub = app.add_subcommand("replay", "does to a stack from a config what a trace says a program did");
  sub->add_option("trace", wishes->trace, "a trace file")->type_name("TRACE")->required();
  sub->add_option("--config", wishes->config, "the stack, in TOML; allot strategies has what there is")
      ->type_name("FILE")
      ->required();
  add_flags(*sub, wishes->flags);
  sub->add_flag("--latencies", wishes->latencies, "time single calls, which takes time itself");
  sub->callback([wishes, &context] { replay_trace(*wishes, context); });
}

void add_compare(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<compare_wishes>();
  CLI::App* const sub =
      app.add_subcommand("compare", "replays a trace on all built-in strategies and on configs, in turn, and measures");
  add_flags(*sub, wishes->contest);
  sub->add_option("--svg", wishes->chart, "write a chart there, too")->type_name("FILE");
  sub->callback([wishes, &context] { compare_all(*wishes, context); });
}

void add_recommend(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<recommend_wishes>();
  CLI::App* const sub =
      app.add_subcommand("recommend", "says on what the program of a trace does best, and why, and writes the config");
  add_flags(*sub, wishes->contest);
  sub->add_option("-o,--output", wishes->output, "where the config goes; otherwise to standard output")
      ->type_name("FILE");
  sub->add_option("--for", wishes->what, "what counts")
      ->check(CLI::IsMember({"time", "memory", "latency"}))
      ->capture_default_str();
  sub->callback([wishes, &context] { recommend_one(*wishes, context); });
}

void add_check_config(CLI::App& app, command_context& context) {
  const auto files = std::make_shared<std::vector<std::string>>();
  CLI::App* const sub = app.add_subcommand("check-config", "says what is wrong with config files, and builds nothing");
  sub->add_option("files", *files, "the files")->type_name("CONFIG")->required();
  sub->callback([files, &context] { check_configs(*files, context); });
}

void add_strategies(CLI::App& app, command_context& context) {
  const auto name = std::make_shared<std::string>();
  CLI::App* const sub = app.add_subcommand("strategies", "lists what a config can be made of, or all options of one");
  sub->add_option("name", *name, "of a strategy")->type_name("STRATEGY");
  sub->callback([name, &context] { list_strategies(*name, context); });
}

void add_show(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<show_wishes>();
  CLI::App* const sub = app.add_subcommand("show", "says what is in a trace, as figures, plots and pictures");
  sub->add_option("trace", wishes->trace, "a trace file")->type_name("TRACE")->required();
  sub->add_flag("--histogram", wishes->histogram, "how many blocks there are of which size");
  sub->add_flag("--lifetimes", wishes->lifetimes, "how long blocks live, and how many bytes live when");
  sub->add_option_function<std::string>(
         "--at", [wishes](const std::string& text) { wishes->when = moment::from(text); },
         "the heap at a moment: the number of an event, 50%, a time such as 1.5s or 20ms, peak, or end")
      ->type_name("MOMENT");
  sub->add_flag("--tags", wishes->tags, "what the program was doing when it allocated");
  sub->add_option("--stacks", wishes->stacks, "the N call stacks with the most bytes at the peak and most allocations")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  sub->add_option("--resource", wishes->resource, "looks at nothing but this resource")->type_name("NAME");
  sub->add_option("--html", wishes->html, "writes a page to explore in a browser, too")->type_name("FILE");
  sub->callback([wishes, &context] { show_trace(*wishes, context); });
}

void add_export(CLI::App& app, command_context& context) {
  const auto wishes = std::make_shared<export_wishes>();
  CLI::App* const sub = app.add_subcommand("export", "writes a trace in a format of other programs");
  sub->add_option("trace", wishes->trace, "a trace file")->type_name("TRACE")->required();
  sub->add_option("--format", wishes->format,
                  "csv: a line an event; chrome: for chrome://tracing and Perfetto; pprof: by call stack, for pprof; "
                  "heaptrack: for heaptrack_print and heaptrack_gui")
      ->type_name("FORMAT")
      ->required()
      ->check(CLI::IsMember({"csv", "chrome", "pprof", "heaptrack"}));
  sub->add_option("-o,--output", wishes->file, "where to; otherwise standard output")->type_name("FILE");
  sub->add_option("--resource", wishes->resource, "nothing but this resource")->type_name("NAME");
  sub->add_option_function<std::string>(
         "--at", [wishes](const std::string& text) { wishes->when = moment::from(text); },
         "of pprof: the moment, as of show; otherwise the peak")
      ->type_name("MOMENT");
  sub->callback([wishes, &context] { export_trace(*wishes, context); });
}

void add_completion(CLI::App& app, command_context& context) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* const sub = app.add_subcommand("completion", "writes what a shell reads to complete the command's words");
  sub->add_option("shell", *shell, "the shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->callback([shell, &app, &context] { write_completion(*shell, app, context); });
}

}  // namespace

void add_all(CLI::App& app, command_context& context) {
  app.description("Records what programs ask of their memory, replays it on other resources, and says which are best.");
  app.footer(exit_codes);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_flag("-h,--help", "say what it does, and what it takes");
  app.set_version_flag("--version", ALLOT_VERSION, "say which version it is");
  app.add_flag("--json", context.json, "results, and errors, as one JSON value on standard output");
  app.add_flag(
      "--no-progress", [&context](std::int64_t) { context.progress = false; },
      "no line that says how far long work is");
  add_record(app, context);
  add_replay(app, context);
  add_compare(app, context);
  add_recommend(app, context);
  add_check_config(app, context);
  add_strategies(app, context);
  add_show(app, context);
  add_export(app, context);
  add_completion(app, context);
}

}  // namespace allot::tool
