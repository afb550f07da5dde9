/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inputs of the fuzzers of the simulated machine (machine_input.h). */
#include <stdio.h>
#include <stdlib.h>
#include "lib/print.h"
#include "lib/string.h"
#include "tests/fuzz/machine_input.h"

/* A byte of the back: what happens at this switch point (lower bits), and how many are passed by
 * then (the square of the upper bits). */
#define TURN_PASS_SHIFT 3
#define TURN_INTERRUPT  3
#define TURN_CHOICE     7

#define TIME_OF_STEP MICROSECONDS(20)

static struct {
    const u8 *data;
    size_t front, back;
    u32 pass;
    size_t window_used;
    void (*step)(struct vcpu *v);
} input section("hostcontexts");

u8 input_u8(void)
{
    return input.front < input.back ? input.data[input.front++] : 0;
}

void input_bytes(void *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((u8 *)to)[i] = input_u8();
}

u16 input_u16(void)
{
    return (u16)(input_u8() | input_u8() << 8);
}

u32 input_u32(void)
{
    u32 low = input_u16();
    return low | (u32)input_u16() << 16;
}

u64 input_u64(void)
{
    u64 low = input_u32();
    return low | (u64)input_u32() << 32;
}

void *window_take(size_t bytes, vaddr_t *va)
{
    size_t at = ROUND_UP(input.window_used, 16ul);
    if (at + bytes > HOST_TEXT_VA - HOST_WINDOW_VA)
        at = 0;
    input.window_used = at + bytes;
    *va = HOST_WINDOW_VA + at;
    return host_window() + at;
}

/* --- the program */

static u32 choose(enum host_why why, bool *interrupt)
{
    if (why == HOST_BETWEEN)
        return input_u8();
    if (why == HOST_WAITING)
        return cpu_id() + 1;
    if (input.pass) {
        input.pass--;
        return cpu_id();
    }
    if (input.back <= input.front)
        return cpu_id();
    u8 turn = input.data[--input.back];
    input.pass = (u32)(turn >> TURN_PASS_SHIFT) * (turn >> TURN_PASS_SHIFT);
    *interrupt = (turn & TURN_CHOICE) == TURN_INTERRUPT;
    return (turn & TURN_CHOICE) < HOST_CPUS ? turn & TURN_CHOICE : cpu_id();
}

static bool more(void)
{
    return input.front < input.back;
}

static void step(struct vcpu *v)
{
    input.window_used = 0;
    host_time_advance(TIME_OF_STEP);
    input.step(v);
}

static void report(const char *line)
{
    fprintf(stderr, "%s\n", line);
}

static void at_rest(void)
{
    if (host_audit(report))
        panic("the audit finds faults");
}

static const struct host_program program = {choose, step, more, at_rest};

void input_run(const u8 *data, size_t size, void (*step)(struct vcpu *v))
{
    host_restore();
    memset(&input, 0, sizeof(input));
    input.data = data;
    input.back = size;
    input.step = step;
    if (host_run(&program) && host_end(report))
        panic("something is left of domains that ended");
}
