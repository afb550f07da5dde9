/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine with RAM for tests of who owns it: a frame table with holes, two NUMA nodes, memory
 * below and above 4 GiB, a TLB clock, preemption that can be asked for, and guest memory (the
 * test's own) whose copies can be made to fail. The frame allocator is the real one.
 */
#ifndef DOMUS_HOST_MEMORY_WORLD_H
#define DOMUS_HOST_MEMORY_WORLD_H

#include "core/frame.h"
#include "core/heap.h"
#include "types.h"

/* RAM: frames 1 to 0x9e, 0x100 to 0xfff, 0x100000 to 0x101fff; the last half of it is node 1. */
#define WORLD_LOW_START  0x1ull
#define WORLD_LOW_END    0x9full
#define WORLD_MID_START  0x100ull
#define WORLD_MID_END    0x1000ull
#define WORLD_HIGH_START 0x100000ull
#define WORLD_NODE1      0x101000ull
#define WORLD_HIGH_END   0x102000ull

#define WORLD_FRAMES                                                                               \
    (WORLD_LOW_END - WORLD_LOW_START + WORLD_MID_END - WORLD_MID_START + WORLD_HIGH_END -          \
     WORLD_HIGH_START)

/* What all of RAM is filled with before it comes to the heap. */
#define WORLD_GARBAGE 0xa5

struct memory_world {
    u32 preempt_after;   /* preempt_pending() says yes after so many times no; 0: never */
    u32 copy_fail_after; /* that copy from or to a guest fails, 1: the next; 0: none */
    u32 copies;          /* from or to guests */
    bool copied_changes; /* what is copied from a guest is something else at once: an attacker's CPU
                          */
    u32 flushes;         /* of TLBs, by tlb_flush_since() that found it necessary, or at once */
    u32 write_backs;     /* of ranges that caches held */
    u32 windows;         /* in which interrupts were open */
    u32 log_lines;
    void (*on_flush)(void); /* called while a TLB flush is under way */
    bool panics;            /* panic() ends the test's function, by cmocka's mock_assert() */
};
extern struct memory_world memory_world;

/* Once for a program: all RAM is in the heap. */
void memory_world_init(void);
/* Before each test: no failures, nothing pending. */
void memory_world_reset(void);
bool memory_world_is_ram(u64 mfn);
/* 0 or 1. */
u32 memory_world_node(u64 mfn);
/* The contents of a frame, and whether each byte of them is that. */
u8 *memory_world_page(u64 mfn);
bool memory_world_page_is(u64 mfn, u8 byte);
/* The TLB clock, and when the one CPU flushed last. */
void memory_world_clock_set(u32 now, u32 flushed);
/* Pseudo-random, below limit. */
u32 memory_world_random(u32 limit);
/* Run what softirqs ask for (tasklets). */
void memory_world_softirqs(void);

#endif
