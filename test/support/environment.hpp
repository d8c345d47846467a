#pragma once

namespace allot::test {

/// Sets a variable of this process's environment, which its children have, too; null takes it away. One thread at a
/// time.
void set_variable(const char* name, const char* value);

}  // namespace allot::test
