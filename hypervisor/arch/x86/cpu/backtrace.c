/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of functions, and which of them are on a stack. The hypervisor is built without frame
 * pointers, which would cost instructions on every path: so a stack is searched for values that
 * point right behind a call instruction in our text. What was left there by calls that have
 * returned is shown too.
 *
 * The table of names is made by scripts/make-symbols from the first link of the image.
 */
#include "lib/string.h"
#include "machine/percpu.h"
#include "x86/boot.h"
#include "x86/panic.h"

#define LINES_MAX 24u
/* The longest stack: the main one's pages (machine/percpu.h). */
#define SCAN_BYTES KIB(16)

/* scripts/make-symbols */
struct symbol {
    u32 offset; /* of the function from image_start; ascending */
    u32 name;   /* offset in symbol_names */
};
extern const u64 symbol_count;
extern const struct symbol symbol_table[];
extern const char symbol_names[];

/* cpu/entry.S: 0 or -EFAULT. */
int copy_faultable(void *to, const void *from, size_t bytes);

const char *symbol_find(u64 address, u64 *offset)
{
    if (address < (u64)image_start || address >= (u64)text_end || !symbol_count)
        return NULL;
    u64 place = address - (u64)image_start;
    u64 low = 0, high = symbol_count;
    while (high - low > 1) {
        u64 middle = low + (high - low) / 2;
        if (symbol_table[middle].offset <= place)
            low = middle;
        else
            high = middle;
    }
    if (symbol_table[low].offset > place)
        return NULL;
    *offset = place - symbol_table[low].offset;
    return symbol_names + symbol_table[low].name;
}

u32 symbol_total(void)
{
    return (u32)symbol_count;
}

const char *symbol_at(u32 index, u64 *address)
{
    *address = (u64)image_start + symbol_table[index].offset;
    return symbol_names + symbol_table[index].name;
}

/* A call instruction ends right before address (AMD APM vol. 3, CALL): E8 and 4 bytes, or FF /2
 * with up to 5 bytes of SIB and displacement. */
static bool follows_call(u64 address)
{
    static const u8 indirect_bytes[] = {2, 3, 6, 7};
    const u8 *p = (const u8 *)address;
    if (address < (u64)image_start + 8 || address > (u64)text_end)
        return false;
    if (p[-5] == 0xe8)
        return true;
    for (u32 i = 0; i < ARRAY_SIZE(indirect_bytes); i++) {
        const u8 *call = p - indirect_bytes[i];
        if (call[0] == 0xff && (call[1] >> 3 & 7) == 2)
            return true;
    }
    return false;
}

static void line_print(u64 address, bool is_return)
{
    u64 offset;
    /* A return address may belong to the function after a call that does not return. */
    const char *name = symbol_find(is_return ? address - 1 : address, &offset);
    if (name)
        log_error("  %016lx %s+%#lx", address, name, offset + is_return);
    else
        log_error("  %016lx", address);
}

void backtrace_dump(u64 rip, u64 rsp)
{
    u64 end = ROUND_UP(rsp + 1, STACK_BLOCK), value;
    u32 lines = 0;
    log_error("on the stack:");
    if (rip)
        line_print(rip, false);
    rsp = ROUND_UP(rsp, (u64)sizeof(u64));
    /* A stack that has overflowed: this is the guard page below it. */
    if (copy_faultable(&value, (const void *)rsp, sizeof(value)))
        rsp = ROUND_UP(rsp + 1, PAGE_SIZE);
    end = MIN(end - sizeof(struct cpu_info), rsp + SCAN_BYTES);
    for (; rsp < end && lines < LINES_MAX; rsp += sizeof(u64)) {
        if (copy_faultable(&value, (const void *)rsp, sizeof(value)))
            break;
        if (!follows_call(value))
            continue;
        line_print(value, true);
        lines++;
    }
}
