/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs in a guest that is saved, restored and migrated: writes to its memory all the time and knows
 * what must stand in every page, its own and, after fork, its children's; counts, and measures how
 * long it stood still. Every half second it says
 *
 *   STIR <count> gap <longest standstill since the last line, ms>
 *
 * and "STIR WRONG ..." once anything is not as it was written: then it ends.
 *
 *   stir MIB [PAUSE-US]     that much memory; a pause after each 64 pages
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE       4096u
#define WORDS      (PAGE / sizeof(uint64_t))
#define BATCH      64u
#define FORK_EVERY 512u
#define LINE_EVERY 500.0 /* ms */

static uint64_t *memory;
static uint32_t *written; /* how often each page was */
static uint32_t pages;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static uint32_t next_random(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static uint64_t value_of(uint32_t page, uint32_t times)
{
    return times ? (uint64_t)page << 32 | times : 0;
}

static void page_check(uint32_t page, const char *who)
{
    const uint64_t *p = memory + (size_t)page * WORDS;
    uint64_t expected = value_of(page, written[page]);
    if (p[0] == expected && p[WORDS / 2] == expected && p[WORDS - 1] == expected)
        return;
    printf("STIR WRONG %s page %u: %llx %llx %llx, expected %llx\n", who, page,
           (unsigned long long)p[0], (unsigned long long)p[WORDS / 2],
           (unsigned long long)p[WORDS - 1], (unsigned long long)expected);
    fflush(stdout);
    exit(1);
}

static void page_write(uint32_t page)
{
    uint64_t *p = memory + (size_t)page * WORDS;
    p[0] = p[WORDS / 2] = p[WORDS - 1] = value_of(page, ++written[page]);
}

/* A child changes pages of its own; the parent's stay as they are, and the child sees what was. */
static void fork_check(void)
{
    uint32_t first = next_random() % pages;
    int status;
    pid_t child = fork();
    if (child == 0) {
        for (uint32_t i = 0; i < BATCH; i++) {
            uint32_t page = (first + i) % pages;
            page_check(page, "child's");
            page_write(page);
            page_check(page, "child's own");
        }
        _exit(0);
    }
    for (uint32_t i = 0; i < BATCH; i += 2)
        page_write((first + i) % pages);
    if (child < 0 || waitpid(child, &status, 0) != child || status) {
        printf("STIR WRONG child %d status %x\n", (int)child, (unsigned)status);
        fflush(stdout);
        exit(1);
    }
    for (uint32_t i = 0; i < BATCH; i++)
        page_check((first + i) % pages, "parent's");
}

int main(int argc, char **argv)
{
    unsigned long long count = 0;
    unsigned pause_us = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
    pages = (argc > 1 ? (uint32_t)atoi(argv[1]) : 8) * (1048576 / PAGE);
    memory = mmap(NULL, (size_t)pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                  -1, 0);
    written = calloc(pages, sizeof(*written));
    if (memory == MAP_FAILED || !written)
        return 1;
    double last = now_ms(), line = last, gap = 0;
    for (;; count++) {
        uint32_t page = next_random() % pages;
        page_check(page, "random");
        page_write(page);
        page_check(next_random() % pages, "other");
        if (count % FORK_EVERY == 0)
            fork_check();
        if (count % BATCH == 0 && pause_us)
            usleep(pause_us);
        double now = now_ms();
        if (now - last > gap)
            gap = now - last;
        last = now;
        if (now - line < LINE_EVERY)
            continue;
        printf("STIR %llu gap %.1f\n", count, gap);
        fflush(stdout);
        line = now;
        gap = 0;
    }
}
