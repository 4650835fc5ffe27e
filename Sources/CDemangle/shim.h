#pragma once
#include <libiberty/demangle.h>
#include <stddef.h>
#include <stdint.h>

// Exported by the Swift runtime, declared in no header it installs. Source: swift/Demangling/Demangle.h.
// Returns a string from malloc, or NULL for a name that is not Swift's; flags must be 0.
char *swift_demangle(const char *name, size_t length, char *buffer, size_t *buffer_size, uint32_t flags);
