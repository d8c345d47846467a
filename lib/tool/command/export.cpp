#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <string>

#include "command.hpp"
#include "export/formats.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

struct export_wishes {
  std::string trace;
  std::string format;
  std::string resource;
  std::string file;
  moment when{moment::by::peak};
};

void write(std::ostream& out, recording& trace, const export_wishes& wishes) {
  if (wishes.format == "csv") return export_csv(out, trace);
  if (wishes.format == "chrome") return export_chrome(out, trace);
  if (wishes.format == "pprof") return export_pprof(out, trace, wishes.when);
  export_heaptrack(out, trace);
}

void export_trace(const export_wishes& wishes, command_context& context) {
  if (context.json && wishes.file.empty()) throw std::invalid_argument("with --json an export needs a file: -o FILE");
  recording trace(wishes.trace, wishes.resource);
  if (wishes.file.empty()) {
    write(context.out, trace, wishes);
  } else {
    output_file file(wishes.file, wishes.trace);
    progress bar(context, "exporting " + wishes.trace);
    trace.tell(&bar);
    write(file.stream(), trace, wishes);
    trace.tell(nullptr);
    file.commit();
  }
  tell_damage(context.errors, trace);
  if (context.json)
    write_json(context, {{"format", wishes.format},
                         {"file", printable(wishes.file)},
                         {"complete", trace.damage().empty() && trace.summary().complete},
                         {"dropped", trace.summary().dropped}});
}

}  // namespace

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

}  // namespace allot::tool
