"""Builds the tree it lies in: conan create lib/package/conan"""

import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy
from conan.tools.gnu import PkgConfigDeps

required_conan_version = ">=2.0"


class AllotConan(ConanFile):
    name = "allot"
    version = "0.1.0"
    license = "BSL-1.0"
    description = "std::pmr::memory_resource strategies: arenas, pools, heaps, guarded and secure memory"
    package_type = "library"
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "config": [True, False], "trace": [True, False]}
    default_options = {"shared": False, "config": True, "trace": True}

    def export_sources(self):
        tree = os.path.join(self.recipe_folder, "..", "..", "..")
        for what in ("CMakeLists.txt", "LICENSE", "include/*", "lib/*", "docs/man/*"):
            copy(self, what, src=tree, dst=self.export_sources_folder)

    def requirements(self):
        if self.options.config:
            self.requires("tomlplusplus/3.3.0", visible=False)
        if self.options.trace:
            self.requires("zstd/1.5.5")
            self.requires("xxhash/0.8.2")

    def build_requirements(self):
        if self.options.trace:
            self.tool_requires("pkgconf/2.1.0")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["ALLOT_BUILD_TESTS"] = False
        toolchain.cache_variables["ALLOT_BUILD_EXAMPLES"] = False
        toolchain.cache_variables["ALLOT_BUILD_TOOLS"] = False
        toolchain.cache_variables["ALLOT_BUILD_CONFIG"] = bool(self.options.config)
        toolchain.cache_variables["ALLOT_BUILD_TRACE"] = bool(self.options.trace)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        # find_package() finds what allot installs itself, with its components.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("lib", "cmake", "allot"))
