#include <nlohmann/json.hpp>
#include <ostream>
#include <stdexcept>
#include <string>

#include "export/formats.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "subcommands.hpp"
#include "words.hpp"

namespace allot::tool {
namespace {

void write(std::ostream& out, recording& trace, const export_wishes& wishes) {
  if (wishes.format == "csv") return export_csv(out, trace);
  if (wishes.format == "chrome") return export_chrome(out, trace);
  if (wishes.format == "pprof") return export_pprof(out, trace, wishes.when);
  export_heaptrack(out, trace);
}

}  // namespace

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

}  // namespace allot::tool
