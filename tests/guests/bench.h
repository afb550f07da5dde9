/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the parts of the benchmark kernel measure (bench.c); what each part is. */
#ifndef DOMUS_TESTS_GUESTS_BENCH_H
#define DOMUS_TESTS_GUESTS_BENCH_H

#include "guest.h"

#define BENCH_WARM    8
#define BENCH_ROUNDS  3
#define BENCH_FOREVER (~0u)

extern s64 bench_failed; /* results of what is measured, or-ed: to be 0 */

/* How often to carry the operation out in that round; 0: not at all. */
u32 bench_times(const char *name, u32 round, u32 times);
/* Tells who traces the operation that what follows is its loop. */
void bench_begin(const char *name);
void bench_print(const char *name, u64 instructions);

/*
 * Carries the statements out `times` times; what one time costs in instructions, the loop included:
 * the best of some rounds, since a timer's interrupt may fall into one. 0: it is not to be
 * measured.
 */
#define MEASURED(name, times, ...)                                                                 \
    ({                                                                                             \
        u64 best_ = ~0ull;                                                                         \
        for (u32 round_ = 0; round_ < BENCH_ROUNDS + 1; round_++) {                                \
            u32 n_ = bench_times(name, round_, times);                                             \
            u64 start_ = rdtsc();                                                                  \
            for (u32 i = 0; i < n_; i++) {                                                         \
                __VA_ARGS__;                                                                       \
            }                                                                                      \
            u64 each_ = n_ ? (rdtsc() - start_) / n_ : 0;                                          \
            if (round_ && each_ < best_)                                                           \
                best_ = each_;                                                                     \
        }                                                                                          \
        best_;                                                                                     \
    })
#define MEASURE(name, times, ...)                                                                  \
    do {                                                                                           \
        bench_begin(name);                                                                         \
        bench_print(name, MEASURED(name, times, __VA_ARGS__));                                     \
    } while (0)

void bench_tables(void);  /* bench_tables.c: page tables */
void bench_grants(void);  /* bench_grants.c: grants */
void bench_vcpus(void);   /* bench_vcpus.c: two vCPUs, which share one CPU */
void bench_domains(void); /* bench_domains.c: lives of domains */

#endif
