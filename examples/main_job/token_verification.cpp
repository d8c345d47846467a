#include "token_verification.hpp"

#include <string>

#include "token_storage.hpp"
#include "token_stream.hpp"
#include "verification.hpp"

namespace main_job {

verified_tokens verify(const std::vector<text_file>& files, const std::vector<token_container>& all, progress& shown) {
  std::vector<token> reference;
  push_tokens(reference, files);
  verified_tokens known{reference.size(), token_digest(reference), {}};
  for (const token_container& each : all) {
    shown.show("checking tokens in " + std::string(each.name));
    drop_kept_memory();  // what is kept from a larger array would be counted
    const inspected_tokens found = each.make()->inspect(files, reference);
    require_equal(each.name, found.difference, found.digest, known.digest);
    known.footprints.push_back(found.memory);
  }
  return known;
}

}  // namespace main_job
