/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzzers have in common: libFuzzer's entry, invariants, and copies with their exact size. */
#ifndef DOMUS_TESTS_FUZZ_DEMAND_H
#define DOMUS_TESTS_FUZZ_DEMAND_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input: if it does not, this input is a finding. */
#define demand(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* On the heap, so that the sanitizer sees a step beyond the end; to be freed. */
static inline void *exact_copy(const void *bytes, size_t size)
{
    void *copy = malloc(size);
    demand(copy);
    memcpy(copy, bytes, size);
    return copy;
}

#endif
